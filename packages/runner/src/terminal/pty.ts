import type { TerminalSize } from "@signalbox/protocol";
import { closeSync, openSync } from "node:fs";
import { ReadStream } from "node:tty";

import { AttemptOutput } from "../process/attempt-output.ts";
import type { Clock } from "../process/clock.ts";
import { nativePty } from "./native-pty.ts";
import { TerminalInput } from "./terminal-input.ts";

/** The near ends that are open in this process: no process that it starts may inherit them. */
const masters = new Set<number>();

/** A terminal of this machine: a process has the far end, this is the near one. */
export class Pty implements Disposable {
  /** What the process writes. Its end is the end of the last process that holds the terminal. */
  readonly output: AttemptOutput;
  readonly #slave: number;
  readonly #master: number;
  readonly #source: ReadStream;
  readonly #input: TerminalInput;
  #isHandedOver = false;

  /** Makes a terminal of this size. Throws `SpawnError` where there are none. */
  static open(size: TerminalSize, clock: Clock): Pty {
    return new Pty(nativePty().open(size.columns, size.rows), clock);
  }

  private constructor({ master, slave }: { readonly master: number; readonly slave: number }, clock: Clock) {
    masters.add(master);
    this.#master = master;
    this.#slave = slave;
    this.#source = new ReadStream(master);
    this.#input = new TerminalInput(master, clock);
    this.#source.once("close", () => {
      masters.delete(master);
      this.#input[Symbol.dispose]();
    });
    // The system tells the end of a terminal by an error, once everything has been read.
    this.output = new AttemptOutput(this.#source, (error) => "code" in error && error.code === "EIO");
  }

  /** What the process that is started has as input, output and error output, until it claims the terminal for itself. */
  get farEnds(): readonly number[] {
    return [this.#slave, this.#slave, this.#slave];
  }

  /** The process has the far end; from now on its end is the terminal's. */
  handedOver(): void {
    if (this.#isHandedOver) return;
    this.#isHandedOver = true;
    closeSync(this.#slave);
  }

  /** Types. False: the terminal is gone, or nobody reads what was typed before, and this is lost. */
  write(bytes: Buffer): boolean {
    return this.#input.write(bytes);
  }

  /** Changes the size; what runs in the terminal is told. After the end it does nothing. */
  resize({ columns, rows }: TerminalSize): void {
    // A closed descriptor's number may be another's.
    if (!this.#source.destroyed) nativePty().resize(this.#master, columns, rows);
  }

  /** Hangs up. */
  [Symbol.dispose](): void {
    this.#input[Symbol.dispose]();
    this.handedOver();
    this.output.cut();
  }
}

/**
 * The further entries of `stdio` for a process that this one starts: in the place of each terminal's near end, which the
 * compiled part leaves open to children, they get nothing.
 */
export function withoutTerminals(): ("ignore" | number)[] {
  if (masters.size === 0) return [];
  const nothing = devNull();
  return Array.from({ length: Math.max(...masters) - 2 }, (_, index) => (masters.has(index + 3) ? nothing : "ignore"));
}

let nothing: number | undefined;

function devNull(): number {
  return (nothing ??= openSync("/dev/null", "r+"));
}
