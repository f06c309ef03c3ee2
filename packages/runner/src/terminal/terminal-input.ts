import { writeSync } from "node:fs";

import type { Clock, Timer } from "../process/clock.ts";

/** What may wait for a process that does not read; more is dropped, as a real terminal would. */
const WAITING_BYTES = 262_144;
const TRY_AGAIN_MS = 10;

/** Types into a terminal without ever waiting for the process that should read it. */
export class TerminalInput implements Disposable {
  readonly #descriptor: number;
  readonly #clock: Clock;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #trying: Timer | undefined;
  #isClosed = false;

  /** The descriptor must not wait (O_NONBLOCK). */
  constructor(descriptor: number, clock: Clock) {
    this.#descriptor = descriptor;
    this.#clock = clock;
  }

  /** Types bytes, in order. False: there is no room for them, and they are lost. */
  write(bytes: Buffer): boolean {
    if (this.#isClosed || this.#waitingBytes + bytes.length > WAITING_BYTES) return false;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (!this.#trying) this.#flush();
    return true;
  }

  /** Forgets what waits. To be called before the descriptor is closed: its number will be another's. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#trying?.cancel();
    this.#waiting = [];
  }

  #flush(): void {
    this.#trying = undefined;
    try {
      for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
        const written = writeSync(this.#descriptor, next);
        this.#waitingBytes -= written;
        if (written === next.length) this.#waiting.shift();
        else this.#waiting[0] = next.subarray(written);
      }
    } catch (error) {
      // Nothing else goes wrong with a terminal but that its far end is gone.
      if (!isFull(error)) return this[Symbol.dispose]();
      this.#trying = this.#clock.setTimer(TRY_AGAIN_MS, () => this.#flush());
    }
  }
}

function isFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EAGAIN";
}
