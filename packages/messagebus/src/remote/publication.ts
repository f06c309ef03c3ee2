import type { BusError } from "../errors.ts";
import type { Waiter } from "./outbox.ts";

/** Where it can be taken back from. */
export interface Withdrawable {
  withdraw(waiter: Waiter): boolean;
}

/** A message that was sent and waits for the other side to say that it has it. */
export class Publication implements Waiter {
  readonly promise: Promise<void>;
  readonly #outbox: Withdrawable;
  readonly #signal: AbortSignal | undefined;
  #resolve!: () => void;
  #reject!: (reason: unknown) => void;

  constructor(outbox: Withdrawable, signal: AbortSignal | undefined) {
    this.#outbox = outbox;
    this.#signal = signal;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    signal?.addEventListener("abort", this);
  }

  done(): void {
    this.#signal?.removeEventListener("abort", this);
    this.#resolve();
  }

  fail(error: BusError): void {
    this.#signal?.removeEventListener("abort", this);
    this.#reject(error);
  }

  /** The signal was aborted; called by it. What has gone cannot be taken back. */
  handleEvent(): void {
    this.#signal?.removeEventListener("abort", this);
    if (this.#outbox.withdraw(this)) this.#reject(this.#signal?.reason);
  }
}
