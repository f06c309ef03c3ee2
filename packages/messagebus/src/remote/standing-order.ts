import type { BusError } from "../errors.ts";

/** Something that the other side is asked to do from now on, and again after each loss of the connection. */
export class StandingOrder {
  /** Resolves when the other side has said yes for the first time. */
  readonly ready: Promise<void>;
  readonly #resolve: () => void;
  readonly #reject: (error: BusError) => void;
  #isInForce = false;

  constructor() {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ready = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    // Whoever gave the order need not look.
    promise.catch(() => {});
  }

  /** What the port wants to be told: nothing where the order is in force, else when it will be. */
  get answer(): Promise<void> | undefined {
    return this.#isInForce ? undefined : this.ready;
  }

  /** The other side has said yes. */
  confirm(): void {
    this.#isInForce = true;
    this.#resolve();
  }

  /** The other side has said no, or there is no other side any more. */
  refuse(error: BusError): void {
    this.#reject(error);
  }
}
