import type { TerminalSize } from "@signalbox/protocol";

import type { StepContext, TerminalCommandRun } from "../tools/tool.ts";

/** The best shell there is, with the folder in its prompt where it can show it. By `sh`, which is everywhere. */
const SHELL = `if command -v bash >/dev/null 2>&1; then PS1='\\w \\$ ' exec bash --norc; else exec sh; fi`;
const ENDED = "\r\n[the shell has ended; press a key for another]\r\n";
/** For programs that a person left open to go in good order. */
const HANG_UP_MS = 500;

/**
 * A person's terminal beside the agent of a session: a shell in the same sandbox and workspace, with the environment of the
 * step and without the agent's home. Whoever leaves it gets another by the next key.
 */
export class SessionShell implements AsyncDisposable {
  readonly #context: StepContext;
  readonly #size: TerminalSize;
  readonly #listening: Disposable;
  #running: TerminalCommandRun | undefined;
  #isOpening = false;
  #isClosed = false;

  /** Opens it. Undefined where there can be none; why is in the attempt's output. */
  static async open(context: StepContext, size: TerminalSize): Promise<SessionShell | undefined> {
    const shell = new SessionShell(context, size);
    await shell.#start();
    if (shell.#running) return shell;
    await shell[Symbol.asyncDispose]();
    return undefined;
  }

  private constructor(context: StepContext, size: TerminalSize) {
    this.#context = context;
    this.#size = size;
    // Below the shell's own listener: it hears keys only when there is no shell.
    this.#listening = context.inbox.onTerminal(({ kind }) => {
      if (kind === "keys") void this.#start();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#listening[Symbol.dispose]();
    const running = this.#running;
    await running?.stop(HANG_UP_MS);
    await running?.ended;
  }

  async #start(): Promise<void> {
    if (this.#isOpening || this.#running || this.#isClosed) return;
    this.#isOpening = true;
    try {
      this.#running = await this.#context.openTerminal({ argv: ["/bin/sh", "-c", SHELL] }, this.#size, {
        isBeside: true,
      });
      void this.#running.ended.then(() => this.#ended());
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (!this.#context.signal.aborted) await this.#context.say(`signalbox: no terminal: ${reason}\n`);
    } finally {
      this.#isOpening = false;
    }
  }

  async #ended(): Promise<void> {
    this.#running = undefined;
    if (!this.#isClosed && !this.#context.signal.aborted) await this.#context.say(ENDED, "terminal");
  }
}
