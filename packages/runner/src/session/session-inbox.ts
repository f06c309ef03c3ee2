import type { SessionCommand, TerminalCommand, TerminalSize } from "@signalbox/protocol";

/** What a session is told, with its number. */
export interface TakenCommand {
  readonly seq: number;
  readonly command: SessionCommand;
}

/** A command as it comes off the control channel. `taken`: what lies between it and the number is on its way too. */
export interface DeliveredCommand extends TakenCommand {
  readonly taken: number;
}

/** What ends a session. */
export type CloseCommand = Extract<SessionCommand, { kind: "close" }>;

/**
 * What the control plane tells the session of one attempt, each number once and in order. Commands that come before the
 * agent is ready wait here, as do those that overtook another on a reconnect; a repetition is passed over. That it is to end
 * waits for nothing that was said before: it is told at once as well.
 */
export class SessionInbox {
  readonly #waiting: TakenCommand[] = [];
  readonly #early = new Map<number, SessionCommand>();
  #highest = 0;
  #wake: () => void = () => undefined;
  /** Terminals that hear what is typed, the latest last. */
  readonly #terminals = new Set<(command: TerminalCommand) => void>();
  #terminalSize: TerminalSize | undefined;
  #isClosed = false;
  #closeWanted: CloseCommand | undefined;
  readonly #closing = new AbortController();

  /** Aborted as soon as the session is told to end, whatever it was told before and has not done yet. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** The first command that ends the session, if it came. */
  get closeWanted(): CloseCommand | undefined {
    return this.#closeWanted;
  }

  /** Takes a command off the control channel. */
  deliver({ seq, taken, command }: DeliveredCommand): void {
    if (this.#isClosed) return;
    this.#highest = Math.max(this.#highest, taken);
    if (seq <= this.#highest) return;
    this.#early.set(seq, command);
    for (let next = this.#early.get(this.#highest + 1); next; next = this.#early.get(this.#highest + 1)) {
      this.#highest += 1;
      this.#early.delete(this.#highest);
      this.#waiting.push({ seq: this.#highest, command: next });
      if (next.kind === "close") this.#noteClose(next);
    }
    this.#wake();
  }

  /** The size that somebody gave the terminal, which one that comes later has from its start. */
  get terminalSize(): TerminalSize | undefined {
    return this.#terminalSize;
  }

  /** Passes on what somebody does at the terminal; keys are lost when there is none. */
  deliverToTerminal(command: TerminalCommand): void {
    if (command.kind === "resize") this.#terminalSize = command.size;
    [...this.#terminals].at(-1)?.(command);
  }

  /** Calls `listener` for what is done at the terminal, until it is disposed of or a later one takes its place. */
  onTerminal(listener: (command: TerminalCommand) => void): Disposable {
    this.#terminals.add(listener);
    return { [Symbol.dispose]: () => void this.#terminals.delete(listener) };
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

  #noteClose(command: CloseCommand): void {
    this.#closeWanted ??= command;
    this.#closing.abort();
  }
}
