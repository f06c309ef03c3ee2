import { InvalidMessageError } from "../errors.ts";
import type { LetterCarrier, Waiter } from "../remote/outbox.ts";
import type { NatsLine } from "./nats-line.ts";
import type { NatsLetter } from "./nats-link.ts";
import type { NatsPresence } from "./nats-presence.ts";

/** What has gone is told here. */
export interface NatsSentOptions {
  readonly line: NatsLine;
  readonly presence: NatsPresence;
  /** Who waits for the answer, which is hereby given. */
  readonly take: (id: number) => Waiter | undefined;
}

/** Sends letters, and knows which the server has not confirmed yet. */
export class NatsSent implements LetterCarrier<NatsLetter> {
  readonly #line: NatsLine;
  readonly #presence: NatsPresence;
  readonly #take: (id: number) => Waiter | undefined;
  /** The subjects of messages, for when the server refuses one; those of questions are watched elsewhere. */
  readonly #subjects = new Map<number, string>();
  #waiting = 0;

  constructor({ line, presence, take }: NatsSentOptions) {
    this.#line = line;
    this.#presence = presence;
    this.#take = take;
  }

  get isOpen(): boolean {
    return this.#line.isOpen;
  }

  /** Characters that the server has not confirmed. */
  get waiting(): number {
    return this.#waiting;
  }

  send({ subject, body, reply, length }: NatsLetter, id: number): void {
    try {
      this.#line.publish(subject, body, reply);
    } catch (error) {
      // The client knows how much the server takes, which may be less than the bus allows.
      const reason = error instanceof Error ? error.message : String(error);
      this.#take(id)?.fail(new InvalidMessageError(`NATS does not take the message: ${reason}`, { cause: error }));
      return;
    }
    this.#waiting += length;
    if (reply === undefined) this.#subjects.set(id, subject);
    else this.#presence.watch(id, subject, reply.slice(0, reply.lastIndexOf(".")));
    this.#line.confirm(() => this.#confirmed(id, length));
  }

  /** Everything that went to a subject and has not ended. */
  on(subject: string): number[] {
    const messages = [...this.#subjects].filter(([, sentTo]) => sentTo === subject).map(([id]) => id);
    return [...messages, ...this.#presence.on(subject)];
  }

  /** The connection is gone. */
  clear(): void {
    this.#waiting = 0;
    this.#subjects.clear();
    this.#presence.clear();
  }

  #confirmed(id: number, length: number): void {
    this.#waiting -= length;
    // A question is confirmed by its answer.
    if (this.#subjects.delete(id)) this.#take(id)?.done?.();
  }
}
