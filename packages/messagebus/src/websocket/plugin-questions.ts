import type { Clock } from "../clock.ts";
import { Deadlines } from "../deadlines.ts";
import { InvalidMessageError, OverloadedError } from "../errors.ts";
import type { PluginExchange, PluginExchangeOwner } from "./plugin-exchange.ts";

/** What question books are made with. */
export interface PluginQuestionsOptions {
  readonly clock: Clock;
  /** Questions at once. */
  readonly most: number;
  readonly send: (frame: string) => void;
  /** Tells the hub that nobody waits any more. */
  readonly cancel: (question: PluginExchange) => void;
}

/** For the plugin to give up by itself before it is told that its time is over. */
const GRACE_MS = 1_000;

/** The requests and calls that a connected plugin waits for, by the ids that it gave them. */
export class PluginQuestions implements PluginExchangeOwner {
  readonly #most: number;
  readonly #send: (frame: string) => void;
  readonly #cancel: (question: PluginExchange) => void;
  readonly #deadlines: Deadlines;
  readonly #open = new Map<number, PluginExchange>();

  constructor({ clock, most, send, cancel }: PluginQuestionsOptions) {
    this.#most = most;
    this.#send = send;
    this.#cancel = cancel;
    this.#deadlines = new Deadlines(clock);
  }

  /** Refuses an id that is in use with an InvalidMessageError, and one too many with an OverloadedError. */
  add(question: PluginExchange): void {
    if (this.#open.has(question.id)) throw new InvalidMessageError(`the id ${question.id} is in use`);
    if (this.#open.size >= this.#most) throw new OverloadedError(`the plugin already waits for ${this.#most} answers`);
    this.#open.set(question.id, question);
    this.#deadlines.add(question, question.timeoutMs + GRACE_MS);
  }

  /** The plugin waits no more. An id that has ended is ignored: the answer may have been on its way. */
  cancel(id: number): void {
    const question = this.#open.get(id);
    if (question) this.#drop(question);
  }

  /** The plugin has left. */
  end(): void {
    for (const question of this.#open.values()) this.#drop(question);
  }

  ended(question: PluginExchange, frame: string): void {
    this.#forget(question);
    this.#send(frame);
  }

  overdue(question: PluginExchange): void {
    this.#cancel(question);
  }

  #drop(question: PluginExchange): void {
    question.isOpen = false;
    this.#forget(question);
    this.#cancel(question);
  }

  #forget(question: PluginExchange): void {
    this.#open.delete(question.id);
    this.#deadlines.remove(question);
  }
}
