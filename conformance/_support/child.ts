import { spawn, spawnSync, type ChildProcess } from "node:child_process";

import { PATIENCE_MS } from "@signalbox/testkit";

/** How a child ended. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const TAIL_CHARACTERS = 200_000;
const live = new Set<Child>();
// A worker that is ended in the middle of a test leaves nobody behind: by itself, and where it can, by the kernel's hand.
process.on("exit", () => {
  for (const child of live) child.signal("SIGKILL");
});
const DYING_WITH_US = ["setpriv", "--pdeathsig", "KILL"];
const under = spawnSync(DYING_WITH_US[0] ?? "", [...DYING_WITH_US.slice(1), "true"]).status === 0 ? DYING_WITH_US : [];

/** A process that a test has started, known by its pid: only that is ever signalled. Disposing of it kills it. */
export class Child implements AsyncDisposable {
  readonly ended: Promise<ChildEnd>;
  readonly #process: ChildProcess;
  readonly #waiting = new Set<() => void>();
  #said = "";
  #end: ChildEnd | undefined;

  /** Starts a program. Nothing of our environment reaches it but PATH. */
  constructor(command: readonly string[], options: { readonly env: Record<string, string>; readonly cwd?: string }) {
    const [program = "", ...args] = [...under, ...command];
    const env = { PATH: process.env["PATH"] ?? "", ...options.env };
    const cwd = options.cwd === undefined ? {} : { cwd: options.cwd };
    this.#process = spawn(program, args, { env, ...cwd, stdio: ["ignore", "pipe", "pipe"] });
    live.add(this);
    this.#process.stdout?.setEncoding("utf8").on("data", (text: string) => this.#hear(text));
    this.#process.stderr?.setEncoding("utf8").on("data", (text: string) => this.#hear(text));
    this.ended = new Promise((resolve, reject) => {
      this.#process.once("error", reject);
      this.#process.once("exit", (code, signal) => {
        this.#end = { code, signal };
        live.delete(this);
        resolve(this.#end);
        this.#wake();
      });
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** The last of what it wrote. */
  get said(): string {
    return this.#said;
  }

  /** Resolves when it has written a text; rejects when it ends, or the time passes, without. */
  async says(text: string, timeoutMs = 2 * PATIENCE_MS): Promise<void> {
    const expiry = AbortSignal.timeout(timeoutMs);
    while (!this.#said.includes(text)) {
      if (this.#end || expiry.aborted) {
        throw new Error(`process ${this.pid} never said "${text}"; its words:\n${this.#said}`);
      }
      await this.#heardSomething(expiry);
    }
  }

  /** Sends a signal; a child that has ended gets none, because its pid may be another's by now. */
  signal(signal: NodeJS.Signals): void {
    if (!this.#end) this.#process.kill(signal);
  }

  async kill(): Promise<ChildEnd> {
    this.signal("SIGKILL");
    return this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #heardSomething(expiry: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        expiry.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiting.add(wake);
      expiry.addEventListener("abort", wake);
    });
  }

  #hear(text: string): void {
    this.#said = (this.#said + text).slice(-TAIL_CHARACTERS);
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }
}
