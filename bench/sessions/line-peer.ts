import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

/** One line of JSON. */
export type Frame = Readonly<Record<string, unknown>>;

/** How a program is started: exactly so, with exactly this environment. */
export interface PeerCommand {
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

const running = new Set<number>();

// However the bench ends, no agent stays.
process.on("exit", () => {
  for (const pid of running) killGroup(pid);
});

/** A program that is spoken to in lines of JSON, by the least that can do so. */
export class LinePeer implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #lines: AsyncIterator<string>;
  #said = "";
  #calls = 0;

  constructor({ argv: [program, ...args], env, cwd }: PeerCommand) {
    this.#child = spawn(program, args, { cwd, env: { ...env }, detached: true, stdio: ["pipe", "pipe", "pipe"] });
    if (this.#child.pid !== undefined) running.add(this.#child.pid);
    this.#child.stdin.on("error", () => undefined);
    this.#child.stderr.on("data", (data: Buffer) => (this.#said = (this.#said + data.toString()).slice(-2_000)));
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  send(frame: Frame): void {
    this.#child.stdin.write(`${JSON.stringify(frame)}\n`);
  }

  /** The next frame that is the one; others before it are passed over. Throws when the program ends before it. */
  async next(isIt: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error(`the agent ended before its time: ${this.#said}`);
      const frame = read(value);
      if (frame && isIt(frame)) return frame;
      if (frame?.["error"] !== undefined) throw new Error(`the agent refused: ${value}`);
    }
  }

  /** Asks in JSON-RPC, and waits for the answer. */
  async call(method: string, params: object): Promise<Frame> {
    const id = ++this.#calls;
    this.send({ jsonrpc: "2.0", id, method, params });
    return this.next((frame) => frame["id"] === id && frame["result"] !== undefined);
  }

  /** Tells in JSON-RPC what needs no answer, or one that nobody waits for. */
  tell(method: string, params: object, { isCall = false } = {}): void {
    const id = isCall ? { id: ++this.#calls } : {};
    this.send({ jsonrpc: "2.0", ...id, method, params });
  }

  /** Kills it, and what it has started in its process group. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid === undefined) return;
    killGroup(pid);
    if (exitCode === null && signalCode === null) await once(this.#child, "exit");
    running.delete(pid);
  }
}

/** What stands in a frame at the end of a path of names. */
export function at(frame: unknown, ...path: readonly string[]): unknown {
  let value = frame;
  for (const name of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = Object.getOwnPropertyDescriptor(value, name)?.value;
  }
  return value;
}

/** Some agents print more than the protocol. */
function read(line: string): Frame | undefined {
  try {
    return JSON.parse(line) as Frame;
  } catch {
    return undefined;
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}
