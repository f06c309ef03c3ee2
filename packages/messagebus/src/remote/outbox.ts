import { InvalidMessageError, OverloadedError, type BusError } from "../errors.ts";
import type { BusLimits } from "../limits.ts";

/** Who waits for the answer to a frame. A request or call under way is one. */
export interface Waiter {
  /** The frame has been taken; for what has no `reply`. */
  done?(): void;
  reply?(value: unknown): unknown;
  fail(error: BusError): unknown;
}

/** What goes out: text, or something with text in it. */
export interface Sendable {
  /** Characters, about. */
  readonly length: number;
}

/** A frame that has an id and is answered. */
interface Letter<Frame> {
  readonly id: number;
  readonly frame: Frame;
  readonly waiter: Waiter;
}

/** What a letter goes out on. */
export interface LetterCarrier<Frame> {
  readonly isOpen: boolean;
  /** Characters that it has taken and not sent yet. */
  readonly waiting: number;
  send(frame: Frame, id: number): void;
}

/**
 * What a plugin sends and has an answer to come: kept while there is no connection, within limits, and remembered until it is
 * answered. Nothing goes out twice: what has left when a connection breaks has failed.
 */
export class Outbox<Frame extends Sendable> {
  readonly #carrier: LetterCarrier<Frame>;
  readonly #limits: BusLimits;
  readonly #kept = new Map<Waiter, Letter<Frame>>();
  readonly #sent = new Map<number, Waiter>();
  /** The way back, for those who may give up. */
  readonly #ids = new Map<Waiter, number>();
  #keptCharacters = 0;
  #lastId = 0;

  constructor(carrier: LetterCarrier<Frame>, limits: BusLimits) {
    this.#carrier = carrier;
    this.#limits = limits;
  }

  /** Sends a frame, or keeps it for later. Fails the waiter with an OverloadedError when too much waits already. */
  post(spell: (id: number) => Frame, waiter: Waiter): void {
    const { isOpen, waiting } = this.#carrier;
    const characters = waiting + this.#keptCharacters;
    if (characters >= this.#limits["outbox.characters"]) return overloaded(waiter, `${characters} characters`);
    if (!isOpen && this.#kept.size >= this.#limits["outbox.messages"]) {
      return overloaded(waiter, `${this.#kept.size} messages`);
    }
    const id = ++this.#lastId;
    const frame = tryToWrite(spell, id, waiter);
    if (frame === undefined) return;
    // Nothing overtakes what was kept.
    if (isOpen && this.#kept.size === 0) this.#send(id, frame, waiter);
    else this.#keep({ id, frame, waiter });
  }

  /** Sends a frame beside the limits, which belongs to a connection that has just been made. */
  sendNow(spell: (id: number) => Frame, waiter: Waiter): void {
    const id = ++this.#lastId;
    this.#send(id, spell(id), waiter);
  }

  /** There is a connection: what was kept goes out in order. */
  sendKept(): void {
    for (const { id, frame, waiter } of this.#kept.values()) {
      this.withdraw(waiter);
      this.#send(id, frame, waiter);
    }
  }

  /** Takes back what has not gone; false when it has. */
  withdraw(waiter: Waiter): boolean {
    const letter = this.#kept.get(waiter);
    if (!letter) return false;
    this.#kept.delete(waiter);
    this.#keptCharacters -= letter.frame.length;
    return true;
  }

  /** The waiter gives up. Its id if its frame has gone and was not answered. */
  giveUp(waiter: Waiter): number | undefined {
    if (this.withdraw(waiter)) return undefined;
    const id = this.#ids.get(waiter);
    if (id !== undefined) this.take(id);
    return id;
  }

  /** Who waits for an answer, which is hereby given. */
  take(id: number): Waiter | undefined {
    const waiter = this.#sent.get(id);
    if (waiter === undefined) return undefined;
    this.#sent.delete(id);
    this.#ids.delete(waiter);
    return waiter;
  }

  /** The connection is gone: whoever waited for an answer over it waits in vain. */
  failSent(error: BusError): void {
    const waiters = [...this.#sent.values()];
    this.#sent.clear();
    this.#ids.clear();
    for (const waiter of waiters) waiter.fail(error);
  }

  /** There will be no connection any more. */
  failAll(error: BusError): void {
    const letters = [...this.#kept.values()];
    this.#kept.clear();
    this.#keptCharacters = 0;
    this.failSent(error);
    for (const { waiter } of letters) waiter.fail(error);
  }

  #keep(letter: Letter<Frame>): void {
    this.#kept.set(letter.waiter, letter);
    this.#keptCharacters += letter.frame.length;
  }

  #send(id: number, frame: Frame, waiter: Waiter): void {
    this.#sent.set(id, waiter);
    this.#ids.set(waiter, id);
    this.#carrier.send(frame, id);
  }
}

function overloaded(waiter: Waiter, what: string): void {
  waiter.fail(new OverloadedError(`${what} already wait to be sent to the bus`));
}

function tryToWrite<Frame>(spell: (id: number) => Frame, id: number, waiter: Waiter): Frame | undefined {
  try {
    return spell(id);
  } catch (error) {
    // It was JSON data when it was checked; a getter can say something else each time.
    waiter.fail(new InvalidMessageError("what is to be sent is not JSON data", { cause: error }));
    return undefined;
  }
}
