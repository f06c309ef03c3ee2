import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";

import type { Contender, Task } from "./contender.ts";
import { bodies, recordRun } from "./recorded-run.ts";

/** What the bare writer is given at its start. */
export interface BareSettings {
  readonly file: string;
  readonly recorded: Awaited<ReturnType<typeof recordRun>>;
}

/** One of the four commits of a run: `create`, `lease`, `start`, `finish`. */
export interface BareWork {
  readonly phase: 0 | 1 | 2 | 3;
  readonly body: string;
  readonly now: number;
}

const PHASES = [0, 1, 2, 3] as const;

/**
 * The least program that keeps the same record: a thread with better-sqlite3 that writes the same rows of a run in the
 * same four commits, as many as wait in one transaction. It checks nothing, reads nothing back and tells nobody.
 */
export async function openBare({ directory }: Task): Promise<Contender> {
  mkdirSync(directory, { recursive: true });
  const recorded = await recordRun(join(directory, "mould"));
  const writer = new BareWriter({ file: join(directory, "bare.db"), recorded });
  const next = bodies(recorded.body);
  return {
    async runOne() {
      const body = next.next().value;
      for (const phase of PHASES) await writer.commit({ phase, body, now: Date.now() });
    },
    [Symbol.asyncDispose]: () => writer[Symbol.asyncDispose](),
  };
}

/** The thread from outside: gathers what a turn of the event loop brings, and resolves in order after the commit. */
export class BareWriter implements AsyncDisposable {
  readonly #worker: Worker;
  #outbox: BareWork[] = [];
  readonly #waiting: (() => void)[][] = [];
  #gathered: (() => void)[] = [];

  constructor(settings: BareSettings) {
    this.#worker = new Worker(new URL("./bare-writer.ts", import.meta.url), { workerData: settings });
    // The writer answers each batch once, in order.
    this.#worker.on("message", () => this.#waiting.shift()?.forEach((resolve) => resolve()));
  }

  async commit(work: BareWork): Promise<void> {
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
