import type { DeadlineQueue, Expiring } from "../deadlines.ts";
import { InvalidMessageError, RequestTimeoutError, type BusError } from "../errors.ts";
import type { Message } from "../message.ts";
import type { CallExchange, RequestExchange, Taker } from "../transport.ts";
import type { QuestionBatch } from "./plugin-questions.ts";
import { spellBrokerFrame } from "./spell-frames.ts";

/** Who keeps account of what a connected plugin asks. */
export interface PluginExchangeOwner {
  /** It has ended with this frame for the plugin. */
  ended(exchange: PluginExchange, frame: string): void;
  /** It took longer than the plugin said that it would wait; whoever works on it is to be told. */
  overdue(exchange: PluginExchange): void;
}

/** What every question has. */
export interface PluginQuestionInput {
  /** The plugin's own. */
  readonly id: number;
  readonly timeoutMs: number;
  /** What it came with. */
  readonly batch: QuestionBatch;
}

/** A question that a connected plugin has put to somebody on the hub: its answer becomes a frame. */
export abstract class PluginExchange implements Expiring {
  readonly id: number;
  readonly timeoutMs: number;
  readonly batch: QuestionBatch;
  isOpen = true;
  taker: Taker | undefined = undefined;
  dueMs = 0;
  earlier: Expiring | undefined = undefined;
  later: Expiring | undefined = undefined;
  queue: DeadlineQueue | undefined = undefined;
  readonly #owner: PluginExchangeOwner;

  constructor(owner: PluginExchangeOwner, { id, timeoutMs, batch }: PluginQuestionInput) {
    this.#owner = owner;
    this.id = id;
    this.timeoutMs = timeoutMs;
    this.batch = batch;
  }

  reply(value: unknown): boolean {
    if (!this.isOpen) return false;
    this.isOpen = false;
    this.#owner.ended(this, this.#spell(value));
    return true;
  }

  fail(error: BusError): boolean {
    if (!this.isOpen) return false;
    this.isOpen = false;
    this.#owner.ended(this, spellBrokerFrame.fail(this.id, error));
    return true;
  }

  /** The plugin gives up by itself; this is for one that does not. */
  expire(): void {
    this.#owner.overdue(this);
    this.fail(new RequestTimeoutError(`not answered within ${this.timeoutMs} ms`));
  }

  #spell(value: unknown): string {
    try {
      return spellBrokerFrame.reply(this.id, value);
    } catch (error) {
      // It was JSON data when it was checked; a getter can say something else each time.
      return spellBrokerFrame.fail(this.id, new InvalidMessageError("the answer is not JSON data", { cause: error }));
    }
  }
}

/** A request of a connected plugin. */
export class PluginRequest extends PluginExchange implements RequestExchange {
  readonly message: Message;

  constructor(owner: PluginExchangeOwner, question: PluginQuestionInput, message: Message) {
    super(owner, question);
    this.message = message;
  }
}

/** What a connected plugin calls. */
export type PluginCallInput = Pick<CallExchange, "destination" | "caller" | "method" | "params" | "headers">;

/** A call of a connected plugin. */
export class PluginCall extends PluginExchange implements CallExchange {
  readonly destination: string;
  readonly caller: string;
  readonly method: string;
  readonly params: unknown;
  readonly headers: Readonly<Record<string, string>>;

  constructor(owner: PluginExchangeOwner, question: PluginQuestionInput, call: PluginCallInput) {
    super(owner, question);
    this.destination = call.destination;
    this.caller = call.caller;
    this.method = call.method;
    this.params = call.params;
    this.headers = call.headers;
  }
}
