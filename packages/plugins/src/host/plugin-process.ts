import type { ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { limit } from "../limits.ts";
import type { LaunchedPlugin, PluginEnd } from "./launcher.ts";
import type { LogBuffer } from "./log-buffer.ts";

/** What a plugin's process is made with. */
export interface PluginProcessOptions {
  /** Just spawned; leads its own process group. */
  readonly child: ChildProcess;
  readonly log: LogBuffer;
  /** What is disposed of when the process has ended. */
  readonly owned: AsyncDisposable;
}

/** The process of a plugin, with everything that it started. */
export class PluginProcess implements LaunchedPlugin {
  readonly pid: number | undefined;
  readonly ended: Promise<PluginEnd>;
  readonly #child: ChildProcess;
  readonly #log: LogBuffer;
  #hasEnded = false;

  constructor({ child, log, owned }: PluginProcessOptions) {
    this.pid = child.pid;
    this.#child = child;
    this.#log = log;
    this.#read("stdout", child.stdout);
    this.#read("stderr", child.stderr);
    // The lifeline carries nothing; when the process ends it may break.
    child.stdio[3]?.on("error", () => {});
    this.ended = this.#end(owned);
  }

  /** Resolves when the program runs; never where it could not be started, as `ended` says. */
  get spawned(): Promise<void> {
    return new Promise((resolve) => void this.#child.once("spawn", resolve));
  }

  stop(): void {
    if (!this.#hasEnded) this.#child.kill("SIGINT");
  }

  kill(): void {
    if (!this.#hasEnded) this.#killGroup();
  }

  async #end(owned: AsyncDisposable): Promise<PluginEnd> {
    const drained = new Promise<void>((resolve) => void this.#child.once("close", () => resolve()));
    const end = await endOf(this.#child);
    // At once, while no other process can have got its number: who stays behind has no business any more.
    this.#killGroup();
    this.#hasEnded = true;
    await Promise.race([drained, delay(limit("log.drainMs"), undefined, { ref: false })]);
    try {
      await owned[Symbol.asyncDispose]();
    } catch (error) {
      this.#log.add("host", `not everything of it could be cleaned up: ${String(error)}`);
    }
    return end;
  }

  #killGroup(): void {
    if (this.pid === undefined) return;
    try {
      process.kill(-this.pid, "SIGKILL");
    } catch (error) {
      // Nobody is left to be killed.
      if (!(error instanceof Error && "code" in error && (error.code === "ESRCH" || error.code === "EPERM")))
        throw error;
    }
  }

  #read(stream: "stdout" | "stderr", from: Readable | null): void {
    const writer = this.#log.writer(stream);
    from?.on("data", (bytes: Buffer) => writer.write(bytes));
    from?.on("error", () => {});
    from?.on("close", () => writer.end());
  }
}

function endOf(child: ChildProcess): Promise<PluginEnd> {
  return new Promise((resolve) => {
    child.once("error", (error) => {
      if (child.pid === undefined) resolve({ how: `it could not be started: ${error.message}`, error });
    });
    child.once("exit", (code, signal) => {
      if (code !== 0) return resolve({ how: signal === null ? `exit code ${code}` : `signal ${signal}` });
      resolve({ how: "exit code 0", hint: "its entry point is to start itself where it is the main program" });
    });
  });
}
