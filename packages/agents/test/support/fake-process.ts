import { PassThrough } from "node:stream";

import type { AgentExit, AgentProcess } from "../../src/index.ts";

/** A process that is none: a test writes what it says, reads what it is told, and lets it end. */
export class FakeProcess implements AgentProcess {
  readonly pid = undefined;
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough({ highWaterMark: 1_024 });
  readonly stderr = new PassThrough();
  readonly exited: Promise<AgentExit>;
  /** What was done to it, in order. */
  readonly done: ("asked to end" | "killed")[] = [];
  /** Whether it ends when it is asked to. */
  isDeaf = false;
  readonly #exit: (exit: AgentExit) => void;
  #told = "";

  constructor() {
    const { promise, resolve } = Promise.withResolvers<AgentExit>();
    this.exited = promise;
    this.#exit = resolve;
    this.stdin.on("data", (chunk: Buffer) => (this.#told += chunk.toString()));
  }

  /** What it was told so far, a frame a line. */
  get told(): unknown[] {
    return this.#told
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as unknown);
  }

  /** Whether its input was ended. */
  get isInputEnded(): boolean {
    return this.stdin.writableEnded;
  }

  say(...frames: unknown[]): void {
    for (const frame of frames) this.stdout.write(`${JSON.stringify(frame)}\n`);
  }

  /** Ends it, and with it its output. */
  exit(code: number | null = 0, signal: string | null = null): void {
    this.stdout.end();
    this.exitAlone(code, signal);
  }

  /** Ends it while somebody else holds its output open. */
  exitAlone(code: number | null = 0, signal: string | null = null): void {
    this.#exit({ code, signal });
  }

  askToEnd(): Promise<void> {
    this.done.push("asked to end");
    if (!this.isDeaf) this.exit(null, "SIGTERM");
    return Promise.resolve();
  }

  killTree(): Promise<readonly number[]> {
    this.done.push("killed");
    this.exit(null, "SIGKILL");
    return Promise.resolve([]);
  }
}
