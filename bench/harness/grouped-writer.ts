import { parentPort, receiveMessageOnPort, Worker, type MessagePort } from "node:worker_threads";

/** A thread that writes, from outside: gathers what a turn of the event loop brings, and resolves after the commit. */
export class GroupedWriter<Work> implements AsyncDisposable {
  readonly #worker: Worker;
  #outbox: Work[] = [];
  readonly #waiting: (() => void)[][] = [];
  #gathered: (() => void)[] = [];

  /** `script` calls `serveGroups`. */
  constructor(script: URL, settings: object) {
    this.#worker = new Worker(script, { workerData: settings });
    // It answers each batch once, in order.
    this.#worker.on("message", () => this.#waiting.shift()?.forEach((resolve) => resolve()));
  }

  async commit(work: Work): Promise<void> {
    if (this.#outbox.length === 0) setImmediate(() => this.#flush());
    this.#outbox.push(work);
    await new Promise<void>((resolve) => this.#gathered.push(resolve));
  }

  #flush(): void {
    this.#worker.postMessage(this.#outbox);
    this.#waiting.push(this.#gathered);
    this.#outbox = [];
    this.#gathered = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}

/** In the thread: writes all that waits in one go, then answers each batch. */
export function serveGroups<Work>(writeAll: (batches: readonly (readonly Work[])[]) => void): void {
  const port = parentPort as MessagePort;
  const waiting = () => (receiveMessageOnPort(port) as { message: Work[] } | undefined)?.message;
  port.on("message", (first: Work[]) => {
    const batches = [first];
    for (let more = waiting(); more; more = waiting()) batches.push(more);
    writeAll(batches);
    for (let answered = 0; answered < batches.length; answered++) port.postMessage(0);
  });
}
