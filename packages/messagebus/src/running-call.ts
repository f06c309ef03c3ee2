import { remoteError } from "./asked.ts";
import type { BusError } from "./errors.ts";
import type { BusLimits } from "./limits.ts";
import { checkPayload } from "./payload.ts";
import type { RpcContext, RpcHandler } from "./rpc-context.ts";
import { isThenable } from "./thenable.ts";
import type { CallExchange, Taker } from "./transport.ts";

/** Where the calls in work are counted. */
export interface RunningCalls {
  delete(call: RunningCall): unknown;
}

/** A call in work: what its handler is told, and what becomes of what the handler returns. */
export class RunningCall implements RpcContext, Taker {
  readonly #exchange: CallExchange;
  readonly #limits: BusLimits;
  readonly #calls: RunningCalls;
  #isAbandoned = false;
  #controller: AbortController | undefined = undefined;

  constructor(exchange: CallExchange, limits: BusLimits, calls: RunningCalls) {
    this.#exchange = exchange;
    this.#limits = limits;
    this.#calls = calls;
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
        result.then(
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
    this.#isAbandoned = true;
    this.#calls.delete(this);
    this.#controller?.abort();
  }

  #succeed(result: unknown): void {
    if (this.#isAbandoned) return;
    try {
      checkPayload(result, this.#limits, "the result");
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#calls.delete(this);
    void this.#exchange.reply(result);
  }

  #fail(error: unknown): void {
    if (this.#isAbandoned) return;
    this.#calls.delete(this);
    void this.#exchange.fail(remoteError(error, this.#limits["error.messageLength"]));
  }
}
