import { spawn, type ChildProcess } from "node:child_process";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";

import type { Logger } from "../logger.ts";

/**
 * A small process that kills what is left of this runner's attempts when the runner dies, also by `kill -9`. A sandbox does
 * the same by itself; the guard is for steps without one. One that dies is replaced.
 */
export class Guard implements Disposable {
  readonly #logger: Logger;
  readonly #live = new Set<string>();
  #child: ChildProcess | undefined;
  #isClosed = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Starts it before the first attempt does. */
  start(): void {
    // It has its own session: what is sent to the runner's group or terminal does not reach it.
    const child = spawn(process.execPath, [MAIN], { stdio: ["pipe", "ignore", "ignore"], detached: true, env: {} });
    child.on("error", (error) =>
      this.#logger.error({ error }, "the guard cannot be started; a crash of the runner may leave processes"),
    );
    child.on("exit", (code, signal) => this.#replace(code, signal));
    child.stdin.on("error", () => undefined);
    // The runner need not stay for it.
    child.unref();
    this.#child = child;
    for (const attemptId of this.#live) this.#tell(`+${attemptId}`);
  }

  /** Called before an attempt's first process, and after its last. The line is in the pipe when this returns. */
  watch(attemptId: string, isLive: boolean): void {
    if (isLive) this.#live.add(attemptId);
    else this.#live.delete(attemptId);
    this.#tell(`${isLive ? "+" : "-"}${attemptId}`);
  }

  /** Lets it go; with nothing to watch it just ends. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#child?.stdin?.end();
  }

  #tell(line: string): void {
    this.#child?.stdin?.write(`${line}\n`);
  }

  #replace(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#isClosed) return;
    this.#logger.warn({ code, signal }, "the guard ended; starting another");
    this.start();
  }
}

/** Beside this file, as source or as built. */
const MAIN = fileURLToPath(new URL(`./guard-main${extname(import.meta.url)}`, import.meta.url));
