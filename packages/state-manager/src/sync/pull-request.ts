import type { Clock, Timer } from "../clock.ts";
import { limit } from "../limits.ts";
import type { More, Page, Pull } from "./messages.ts";

export interface PullRequestOptions {
  readonly peer: string;
  readonly clock: Clock;
  /** The question; it is asked again as long as no page has come. */
  readonly question: () => Pull;
  readonly send: (message: Pull | More) => void;
  /** Gets the pages of deltas one by one, those of a state all at once. */
  readonly onParts: (kind: Page["kind"], parts: readonly Uint8Array[]) => void;
  /** It has ended; `error` where it failed. */
  readonly onEnd: (error: unknown) => void;
}

/** A transfer from another replica: asks for page after page, and again where none comes. */
export class PullRequest {
  readonly peer: string;
  readonly #options: PullRequestOptions;
  #transfer = 0;
  #ends = { from: "", to: "" };
  #index = 0;
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #triesLeft = limit("pull.tries");
  #timer: Timer | undefined;

  constructor(options: PullRequestOptions) {
    this.peer = options.peer;
    this.#options = options;
  }

  start(): void {
    this.#ask();
  }

  cancel(): void {
    this.#timer?.cancel();
  }

  /** Takes a page; one that was not asked for, or not from there, is left alone. */
  take(page: Page): void {
    if (page.from !== this.peer || page.transfer !== this.#transfer || page.index !== this.#index) return;
    this.#timer?.cancel();
    const isLast = page.index + 1 >= page.count;
    try {
      this.#handOn(page, isLast);
    } catch (error) {
      return this.#options.onEnd(error);
    }
    if (isLast) return this.#options.onEnd(undefined);
    this.#index++;
    this.#triesLeft = limit("pull.tries");
    this.#ask();
  }

  #handOn({ kind, parts }: Page, isLast: boolean): void {
    for (const part of parts) this.#bytes += part.length;
    if (this.#bytes > limit("pull.bytes"))
      throw new Error(`replica ${this.peer} sent more than ${limit("pull.bytes")} bytes`);
    if (kind === "deltas") return this.#options.onParts("deltas", parts);
    for (const part of parts) this.#parts.push(part);
    if (isLast) this.#options.onParts("state", this.#parts);
  }

  #ask(): void {
    if (this.#triesLeft-- === 0) {
      return this.#options.onEnd(new Error(`replica ${this.peer} did not answer ${limit("pull.tries")} times`));
    }
    const { question, clock, send } = this.#options;
    this.#timer = clock.setTimer(limit("pull.timeoutMs"), () => this.#ask());
    if (this.#index > 0) return send({ ...this.#ends, type: "more", transfer: this.#transfer, index: this.#index });
    // A transfer of its own each time: pages of two answers do not belong together.
    const pull = question();
    this.#transfer = pull.transfer;
    this.#ends = { from: pull.from, to: pull.to };
    send(pull);
  }
}
