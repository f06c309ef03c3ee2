import { remoteError } from "./asked.ts";
import type { BusError } from "./errors.ts";
import type { BusLimits } from "./limits.ts";
import { checkPayload } from "./payload.ts";
import type { RpcContext, RpcHandler } from "./rpc-context.ts";
import { isThenable } from "./thenable.ts";
import type { CallExchange, Taker } from "./transport.ts";

/** The calls in work of one plugin: a list through the calls themselves, for it is on the way of every call. */
export class RunningCalls {
  #newest: RunningCall | undefined;

  add(call: RunningCall): void {
    call.older = this.#newest;
    if (this.#newest) this.#newest.newer = call;
    this.#newest = call;
  }

  /** Takes out a call that is in the list. */
  delete(call: RunningCall): void {
    const { older, newer } = call;
    if (newer) newer.older = older;
    else this.#newest = older;
    if (older) older.newer = newer;
    call.older = call.newer = undefined;
  }

  stopAll(error: BusError): void {
    for (let call = this.#newest; call; call = this.#newest) call.stop(error);
  }
}

/** A call in work: what its handler is told, and what becomes of what the handler returns. */
export class RunningCall implements RpcContext, Taker {
  readonly #exchange: CallExchange;
  readonly #limits: BusLimits;
  readonly #calls: RunningCalls;
  older: RunningCall | undefined = undefined;
  newer: RunningCall | undefined = undefined;
  #isRunning = true;
  #isAbandoned = false;
  #controller: AbortController | undefined = undefined;

  constructor(exchange: CallExchange, limits: BusLimits, calls: RunningCalls) {
    this.#exchange = exchange;
    this.#limits = limits;
    this.#calls = calls;
    exchange.taker = this;
    calls.add(this);
  }

  get caller(): string {
    return this.#exchange.caller;
  }

  get method(): string {
    return this.#exchange.method;
  }

  get headers(): Readonly<Record<string, string>> {
    return this.#exchange.headers;
  }

  /** Made when it is first asked for: most handlers never look. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#isAbandoned) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  run(handler: RpcHandler): void {
    try {
      const result = handler(this.#exchange.params, this);
      if (!isThenable(result)) this.#succeed(result);
      else {
        Promise.resolve(result).then(
          (value) => this.#succeed(value),
          (error: unknown) => this.#fail(error),
        );
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Ends it without its handler, which learns it by the signal. */
  stop(error: BusError): void {
    this.abandoned();
    void this.#exchange.fail(error);
  }

  abandoned(): void {
    if (!this.#isRunning) return;
    this.#end();
    this.#isAbandoned = true;
    this.#controller?.abort();
  }

  #succeed(result: unknown): void {
    if (!this.#isRunning) return;
    try {
      checkPayload(result, this.#limits, "the result");
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#end();
    void this.#exchange.reply(result);
  }

  #fail(error: unknown): void {
    if (!this.#isRunning) return;
    this.#end();
    void this.#exchange.fail(remoteError(error, this.#limits["error.messageLength"]));
  }

  #end(): void {
    this.#isRunning = false;
    this.#calls.delete(this);
  }
}
