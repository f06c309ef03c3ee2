import type { Clock } from "../clock.ts";
import { Deadlines } from "../deadlines.ts";
import { InvalidMessageError, OverloadedError } from "../errors.ts";
import type { BusLimits } from "../limits.ts";
import type { PluginExchange, PluginExchangeOwner } from "./plugin-exchange.ts";

/** One WebSocket message of a plugin, which is held in memory as long as a question that came with it is open. */
export class QuestionBatch {
  readonly characters: number;
  /** Questions of it that are open. */
  open = 0;

  constructor(characters: number) {
    this.characters = characters;
  }
}

/** What question books are made with. */
export interface PluginQuestionsOptions {
  readonly clock: Clock;
  readonly limits: BusLimits;
  readonly send: (frame: string) => void;
  /** Tells the hub that nobody waits any more. */
  readonly cancel: (question: PluginExchange) => void;
}

/** For the plugin to give up by itself before it is told that its time is over. */
const GRACE_MS = 1_000;

/** The requests and calls that a connected plugin waits for, by the ids that it gave them. */
export class PluginQuestions implements PluginExchangeOwner {
  readonly #limits: BusLimits;
  readonly #send: (frame: string) => void;
  readonly #cancel: (question: PluginExchange) => void;
  readonly #deadlines: Deadlines;
  readonly #open = new Map<number, PluginExchange>();
  #heldCharacters = 0;

  constructor({ clock, limits, send, cancel }: PluginQuestionsOptions) {
    this.#limits = limits;
    this.#send = send;
    this.#cancel = cancel;
    this.#deadlines = new Deadlines(clock);
  }

  /** Refuses an id that is in use with an InvalidMessageError, and one too many with an OverloadedError. */
  add(question: PluginExchange): void {
    if (this.#open.has(question.id)) throw new InvalidMessageError(`the id ${question.id} is in use`);
    this.#admit(question.batch);
    question.batch.open++;
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

  #admit(batch: QuestionBatch): void {
    const most = this.#limits["request.pending"];
    if (this.#open.size >= most) throw new OverloadedError(`the plugin already waits for ${most} answers`);
    if (batch.open > 0) return;
    const mostHeld = this.#limits["connection.heldCharacters"];
    if (this.#heldCharacters + batch.characters > mostHeld) {
      throw new OverloadedError(`questions of ${this.#heldCharacters} characters already wait for answers`);
    }
    this.#heldCharacters += batch.characters;
  }

  #drop(question: PluginExchange): void {
    question.isOpen = false;
    this.#forget(question);
    this.#cancel(question);
  }

  #forget(question: PluginExchange): void {
    if (!this.#open.delete(question.id)) return;
    if (--question.batch.open === 0) this.#heldCharacters -= question.batch.characters;
    this.#deadlines.remove(question);
  }
}
