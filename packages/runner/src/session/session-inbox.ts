import type { SessionCommand, TerminalCommand } from "@signalbox/protocol";

/** What a session is told, with its number. */
export interface TakenCommand {
  readonly seq: number;
  readonly command: SessionCommand;
}

/**
 * What the control plane tells the session of one attempt, each number once and in order. Commands that come before the
 * agent is ready wait here; a repetition after a reconnect is passed over.
 */
export class SessionInbox {
  readonly #waiting: TakenCommand[] = [];
  #highest = 0;
  #wake: () => void = () => undefined;
  #atTerminal: ((command: TerminalCommand) => void) | undefined;
  #isClosed = false;

  /** Takes a command off the control channel. */
  deliver(seq: number, command: SessionCommand): void {
    if (this.#isClosed || seq <= this.#highest) return;
    this.#highest = seq;
    this.#waiting.push({ seq, command });
    this.#wake();
  }

  /** Passes on what somebody does at the terminal; lost when there is none. */
  deliverToTerminal(command: TerminalCommand): void {
    this.#atTerminal?.(command);
  }

  /** Who hears what is done at the terminal, from now on. */
  set onTerminal(listener: ((command: TerminalCommand) => void) | undefined) {
    this.#atTerminal = listener;
  }

  /** Nothing is taken any more; who reads comes to an end. */
  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  /** Commands as they come, for one reader; ends when the inbox is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<TakenCommand> {
    while (!this.#isClosed) {
      const next = this.#waiting.shift();
      if (next) yield next;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
