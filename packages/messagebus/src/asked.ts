import {
  InvalidMessageError,
  NoResponderError,
  NotAddressedError,
  OverloadedError,
  RemoteError,
  type BusError,
} from "./errors.ts";
import { GenerationCache } from "./generation-cache.ts";
import type { BusLimits } from "./limits.ts";
import { describe } from "./listener-errors.ts";
import { shown } from "./shown.ts";
import type { RequestExchange, Taker } from "./transport.ts";

/** The requests that a plugin was asked: who may be answered by it, and who waits no more. */
export class AskedRequests {
  readonly #pluginId: string;
  readonly #limits: BusLimits;
  readonly #open = new Map<string, AskedRequest>();
  readonly #ended: GenerationCache<string, true>;

  constructor(pluginId: string, limits: BusLimits) {
    this.#pluginId = pluginId;
    this.#limits = limits;
    // Between half of a cache's size and all of it is remembered, and the limit is a promise.
    this.#ended = new GenerationCache(2 * limits["request.remembered"]);
  }

  /** Takes a request; undefined when it was refused because too many are open, or its id is not a new one. */
  take(exchange: RequestExchange): AskedRequest | undefined {
    const { correlationId } = exchange.message;
    const refusal = this.#whyNot(correlationId);
    if (refusal || correlationId === undefined) {
      void exchange.fail(refusal ?? new InvalidMessageError("a request has a correlation id"));
      return undefined;
    }
    const asked = new AskedRequest(exchange, this.#limits["error.messageLength"], () => this.#end(correlationId));
    this.#open.set(correlationId, asked);
    exchange.taker = asked;
    return asked;
  }

  /** Answers; false when nobody waits any more. Refuses with a NotAddressedError what was not asked here. */
  respond(correlationId: unknown, payload: unknown): boolean | Promise<boolean> {
    const id = typeof correlationId === "string" ? correlationId : "";
    const asked = this.#open.get(id);
    if (asked) return asked.reply(payload);
    if (this.#ended.get(id)) return false;
    throw new NotAddressedError(
      `plugin ${this.#pluginId} was not asked ${shown(correlationId)}, or too long ago to know`,
    );
  }

  /** Whoever still waits is told that no answer comes. */
  failAll(reason: string): void {
    for (const asked of this.#open.values()) asked.fail(new NoResponderError(reason));
  }

  #whyNot(correlationId: string | undefined): BusError | undefined {
    const [open, most] = [this.#open.size, this.#limits["request.asked"]];
    if (open >= most)
      return new OverloadedError(`plugin ${this.#pluginId} has ${open} requests that it has not answered`);
    if (correlationId !== undefined && this.#open.has(correlationId)) {
      return new InvalidMessageError("a request with this correlation id is open already");
    }
    return undefined;
  }

  #end(correlationId: string): void {
    if (this.#open.delete(correlationId)) this.#ended.set(correlationId, true);
  }
}

/** One request that was taken, and how its handlers fared. */
export class AskedRequest implements Taker {
  readonly #exchange: RequestExchange;
  readonly #mostCharacters: number;
  readonly #onEnd: () => void;
  #handlers = 0;
  #failures = 0;
  #isOffered = false;
  #lastError: unknown;

  constructor(exchange: RequestExchange, mostCharacters: number, onEnd: () => void) {
    this.#exchange = exchange;
    this.#mostCharacters = mostCharacters;
    this.#onEnd = onEnd;
  }

  /** One more handler is given it. */
  handlerBegins(): void {
    this.#handlers++;
  }

  /** A handler threw or rejected. When all have, nobody is left who could answer, and the asker is told at once. */
  handlerFailed(error: unknown): void {
    this.#failures++;
    this.#lastError = error;
    this.#failIfAllFailed();
  }

  /** All handlers have been given it. False when there was none, and the request is given back. */
  offered(): boolean {
    this.#isOffered = true;
    this.#failIfAllFailed();
    if (this.#handlers > 0) return true;
    this.#exchange.taker = undefined;
    this.#onEnd();
    return false;
  }

  reply(payload: unknown): boolean | Promise<boolean> {
    this.#onEnd();
    return this.#exchange.reply(payload);
  }

  fail(error: BusError): void {
    this.#onEnd();
    void this.#exchange.fail(error);
  }

  abandoned(): void {
    this.#onEnd();
  }

  #failIfAllFailed(): void {
    if (!this.#isOffered || this.#handlers === 0 || this.#failures < this.#handlers || !this.#exchange.isOpen) return;
    this.fail(remoteError(this.#lastError, this.#mostCharacters));
  }
}

/** What the other side is told of something thrown here: its message, and in one process the thing itself. */
export function remoteError(thrown: unknown, mostCharacters: number): RemoteError {
  return new RemoteError(describe(thrown).slice(0, mostCharacters), { cause: thrown });
}
