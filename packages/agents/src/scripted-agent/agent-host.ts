import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import type { Readable, Writable } from "node:stream";
import type { ScriptStepOf } from "@signalbox/protocol/agent-script";

/** The process that the scripted agent is: its streams, its end, and what it leaves behind. */
export class AgentHost {
  /** What ends with this process when it is asked to end. */
  readonly #endings = new Set<() => void>();
  #isDeaf = false;
  /** The last write to the protocol stream. */
  #written: Promise<void> = Promise.resolve();

  constructor() {
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
      process.on(signal, () => this.end(128 + constants.signals[signal]));
    }
    // Nobody reads any more; the end of the input tells what to do about it.
    for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  }

  /** The protocol stream. Each write is whole before the next begins, and waits for its reader. */
  writable(): WritableStream<Uint8Array> {
    return new WritableStream({ write: (chunk) => this.print([chunk]) });
  }

  /** Prints pieces on the protocol stream with nothing between them. */
  print(pieces: Iterable<string | Uint8Array>): Promise<void> {
    const printing = this.#written.then(async () => {
      for (const piece of pieces) await write(process.stdout, piece);
    });
    this.#written = printing;
    return printing;
  }

  printError(piece: string): Promise<void> {
    return write(process.stderr, piece);
  }

  async closeOutput(): Promise<void> {
    await this.#written;
    await new Promise<void>((resolve) => process.stdout.end(resolve));
  }

  /** From now on neither signals nor the end of the input end this process. */
  ignoreEnd(): void {
    if (this.#isDeaf) return;
    this.#isDeaf = true;
    // Something must keep the process up when its input has ended.
    setInterval(() => undefined, 60_000);
  }

  /** Ends this process in good order, unless it does not listen. */
  end(exitCode: number): void {
    if (this.#isDeaf) return;
    for (const ending of this.#endings) ending();
    process.exit(exitCode);
  }

  /** Calls `ending` when this process is asked to end before the result is disposed of. */
  onEnd(ending: () => void): Disposable {
    this.#endings.add(ending);
    return { [Symbol.dispose]: () => this.#endings.delete(ending) };
  }

  /** Ends this process at once, but for what it has said. Never resolves. */
  async crash({ exitCode, signal }: ScriptStepOf<"crash">): Promise<never> {
    await this.#written;
    if (signal === undefined) process.exit(exitCode);
    process.kill(process.pid, signal);
    return new Promise(() => undefined);
  }

  /** Starts a process that outlives this one; resolves when it is as deaf as it should be. */
  async leaveStray(step: ScriptStepOf<"stray">, cwd: string): Promise<void> {
    const child = spawn(process.execPath, ["-e", strayCode(step)], {
      cwd,
      detached: true,
      env: step.clearsEnvironment ? {} : process.env,
      stdio: ["ignore", step.holdsOutput ? process.stdout : "ignore", "ignore", "pipe"],
    });
    // The fourth stream was asked for as a pipe.
    const ready = (child.stdio[3] as Readable).resume();
    await once(ready, "close", { signal: AbortSignal.timeout(STRAY_START_MS) });
    child.unref();
  }
}

const STRAY_START_MS = 10_000;

/** It closes the pipe that it was given when it is ready. */
function strayCode({ forMs, ignoresTerm, pidFile }: ScriptStepOf<"stray">): string {
  const deaf = ignoresTerm ? "process.on('SIGTERM', () => {});" : "";
  const known = pidFile === undefined ? "" : `fs.writeFileSync(${JSON.stringify(pidFile)}, String(process.pid));`;
  return `const fs = require("node:fs"); ${deaf} ${known} fs.closeSync(3); setTimeout(() => {}, ${forMs});`;
}

/** Resolves when the stream has taken it; a stream that is closed takes nothing more. */
function write(stream: Writable, piece: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableEnded) resolve();
    else stream.write(piece, () => resolve());
  });
}
