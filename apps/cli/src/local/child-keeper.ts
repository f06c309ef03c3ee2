import { spawn, type ChildProcess } from "node:child_process";

/** How a child ended. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Collaborators and settings of a `ChildKeeper`. */
export interface ChildKeeperSettings {
  /** The line to run; asked before each start, so that it can bring something fresh along. */
  readonly line: () => Promise<{
    readonly args: readonly string[];
    readonly environment: Readonly<Record<string, string | undefined>>;
  }>;
  /** Whether to start it again after this end. */
  readonly isWorthRestart: (end: ChildEnd) => boolean;
  readonly onRestart: (end: ChildEnd, delayMs: number) => void;
  readonly onGivenUp: (end: ChildEnd) => void;
}

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;
/** A child that lived for this long is not counted as failing. */
const SOUND_MS = 60_000;
const PATIENCE_MS = 29_000;

/**
 * Keeps a child process of this program alive: starts it again when it dies, later each time. The child is in a group
 * of its own, so that Ctrl-C reaches us alone; its stdin ends when we do, however we do.
 */
export class ChildKeeper implements AsyncDisposable {
  readonly #settings: ChildKeeperSettings;
  readonly #stopping = new AbortController();
  #child: ChildProcess | undefined;
  #running: Promise<void> | undefined;

  constructor(settings: ChildKeeperSettings) {
    this.#settings = settings;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): void {
    this.#running ??= this.#keep();
  }

  /** Kills the child at once; it is not started again. */
  kill(): void {
    this.#stopping.abort();
    this.#child?.kill("SIGKILL");
  }

  /** Asks the child to end and waits for it; kills it when it takes too long. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    this.#child?.kill("SIGTERM");
    const timer = setTimeout(() => this.#child?.kill("SIGKILL"), PATIENCE_MS);
    await this.#running;
    clearTimeout(timer);
  }

  async #keep(): Promise<void> {
    for (let failures = 0; !this.#stopping.signal.aborted; failures++) {
      const startedAt = performance.now();
      const end = await this.#runOnce();
      if (this.#stopping.signal.aborted) return;
      if (!this.#settings.isWorthRestart(end)) return this.#settings.onGivenUp(end);
      if (performance.now() - startedAt >= SOUND_MS) failures = 0;
      const delayMs = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** failures);
      this.#settings.onRestart(end, delayMs);
      await this.#pause(delayMs);
    }
  }

  async #runOnce(): Promise<ChildEnd> {
    const { args, environment } = await this.#settings.line();
    if (this.#stopping.signal.aborted) return { code: 0, signal: null };
    const child = spawn(process.execPath, args, {
      env: { ...environment },
      stdio: ["pipe", "ignore", "inherit"],
      detached: true,
    });
    this.#child = child;
    return await new Promise((resolve) => {
      child.once("error", () => resolve({ code: null, signal: null }));
      child.once("exit", (code, signal) => resolve({ code, signal }));
    });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#stopping.signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
    });
  }
}
