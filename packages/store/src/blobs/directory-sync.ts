import { open } from "node:fs/promises";

/**
 * Makes the names in a folder durable. Calls that come while one is at work share the next one: a sync covers every
 * name that was there when it began.
 */
export class DirectorySync {
  readonly #running = new Map<string, Promise<void>>();
  readonly #next = new Map<string, Promise<void>>();

  sync(directory: string): Promise<void> {
    const running = this.#running.get(directory);
    if (!running) return this.#start(directory);
    const next = this.#next.get(directory) ?? this.#startAfter(running, directory);
    this.#next.set(directory, next);
    return next;
  }

  #start(directory: string): Promise<void> {
    const running = syncNow(directory).finally(() => this.#running.delete(directory));
    this.#running.set(directory, running);
    return running;
  }

  async #startAfter(running: Promise<void>, directory: string): Promise<void> {
    await running.catch(() => undefined);
    this.#next.delete(directory);
    await this.#start(directory);
  }
}

async function syncNow(directory: string): Promise<void> {
  await using folder = await open(directory, "r");
  await folder.sync();
}
