import type { ModelEndpoint } from "../agent-session.ts";
import { delay } from "../clock.ts";
import type { Clock } from "../clock.ts";
import type { AgentLimits } from "../limits.ts";
import { toError } from "../to-error.ts";
import { ErrorBodySchema } from "./omnara-frames.ts";
import { isWorthAnotherTry, OmnaraCallError } from "./omnara-failure.ts";

/** What calls to Omnara need. */
export interface OmnaraHttpParts {
  readonly endpoint: ModelEndpoint;
  readonly clock: Clock;
  readonly limits: AgentLimits;
  /** Ends every call. */
  readonly signal: AbortSignal;
}

/** One call. It may be made more than once: Omnara's operations are safe to repeat, or have a key that makes them so. */
export interface OmnaraCall {
  /** Its name in the published API, for messages. */
  readonly operation: string;
  readonly method: "GET" | "POST";
  /** Below the API's address, with its query. */
  readonly path: string;
  readonly body?: unknown;
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Omnara over HTTP: bearer key, JSON, errors as `{error, code}`. A call is given up after `call.timeoutMs` and made again,
 * `remote.retries` times at most, where the answer says that this can help (429 and 5xx, as Omnara's guide has it) or there
 * was none. The key goes into the header, to this address only, and is taken out of every message.
 */
export class OmnaraHttp {
  readonly #parts: OmnaraHttpParts;
  readonly #base: string;

  constructor(parts: OmnaraHttpParts) {
    this.#parts = parts;
    this.#base = parts.endpoint.baseUrl.replace(/\/+$/, "");
  }

  /** The JSON that it answers. Rejects with an `OmnaraCallError`, or with the signal's reason. */
  async call(call: OmnaraCall): Promise<unknown> {
    const { clock, limits } = this.#parts;
    for (let tries = 0; ; tries++) {
      try {
        return await this.#try(call);
      } catch (error) {
        this.#throwIfOver(call);
        const isLast = tries >= limits["remote.retries"];
        if (isLast || !(error instanceof OmnaraCallError) || !isWorthAnotherTry(error.status)) throw error;
        await delay(clock, limits["remote.retryMs"] * 2 ** tries);
        this.#throwIfOver(call);
      }
    }
  }

  /** The body of an event stream, once Omnara has opened it. `signal` closes it. One try. */
  async stream(call: OmnaraCall, lastEventId: string): Promise<ReadableStream<Uint8Array>> {
    const expiry = this.#expiry(call.signal);
    try {
      const response = await this.#send(call, { Accept: "text/event-stream", "Last-Event-ID": lastEventId }, expiry);
      const type = response.headers.get("content-type") ?? "";
      if (!response.ok || !response.body) throw await this.#refusal(call, response);
      if (!type.startsWith("text/event-stream")) throw this.#failed(call, response.status, `it is no event stream`);
      return response.body;
    } finally {
      expiry.stop();
    }
  }

  #throwIfOver(call: OmnaraCall): void {
    call.signal?.throwIfAborted();
    this.#parts.signal.throwIfAborted();
  }

  async #try(call: OmnaraCall): Promise<unknown> {
    const expiry = this.#expiry(call.signal);
    try {
      const response = await this.#send(call, { Accept: "application/json" }, expiry);
      if (!response.ok) throw await this.#refusal(call, response);
      const text = await this.#read(call, response, expiry);
      try {
        return JSON.parse(text) as unknown;
      } catch {
        throw this.#failed(call, response.status, "the answer is no JSON");
      }
    } finally {
      expiry.stop();
    }
  }

  async #send(call: OmnaraCall, headers: Record<string, string>, expiry: Expiry): Promise<Response> {
    const { method, path, body, idempotencyKey } = call;
    try {
      return await fetch(`${this.#base}${path}`, {
        method,
        signal: expiry.signal,
        // The key is for this address; nobody sends it on.
        redirect: "manual",
        headers: {
          ...headers,
          Authorization: `Bearer ${this.#parts.endpoint.apiKey}`,
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
          ...(idempotencyKey === undefined ? {} : { "Idempotency-Key": idempotencyKey }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (error) {
      throw this.#noAnswer(call, error, expiry);
    }
  }

  async #read(call: OmnaraCall, response: Response, expiry: Expiry): Promise<string> {
    const most = this.#parts.limits["line.bytes"];
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    try {
      for await (const chunk of response.body ?? []) {
        bytes += chunk.byteLength;
        if (bytes > most) break;
        chunks.push(chunk);
      }
    } catch (error) {
      throw this.#noAnswer(call, error, expiry);
    }
    if (bytes > most) throw this.#failed(call, response.status, `the answer is longer than ${most} bytes`);
    return Buffer.concat(chunks).toString("utf8");
  }

  async #refusal(call: OmnaraCall, response: Response): Promise<OmnaraCallError> {
    const { status } = response;
    if (status >= 300 && status < 400) return this.#failed(call, status, "it sends elsewhere, which is not followed");
    const text = await this.#read(call, response, { signal: NEVER, isOver: false, stop: () => undefined }).catch(
      () => "",
    );
    const { data } = ErrorBodySchema.safeParse(parse(text));
    return this.#failed(call, status, data?.error ?? (text.slice(0, WORDS) || "no words"), data?.code);
  }

  #noAnswer(call: OmnaraCall, error: unknown, expiry: Expiry): Error {
    const over = [call.signal, this.#parts.signal].find((signal) => signal?.aborted);
    if (over) return toError(over.reason);
    const timeoutMs = this.#parts.limits["call.timeoutMs"];
    if (expiry.isOver) return this.#failed(call, undefined, `no answer in ${timeoutMs} ms`, undefined, true);
    const { message, cause } = toError(error);
    return this.#failed(call, undefined, cause instanceof Error ? `${message}: ${cause.message}` : message);
  }

  #failed(
    { operation }: OmnaraCall,
    status: number | undefined,
    words: string,
    code?: string,
    isTimeout = false,
  ): OmnaraCallError {
    const message = words.replaceAll(this.#parts.endpoint.apiKey, "[key]").slice(0, WORDS);
    return new OmnaraCallError({ operation, status, code, message, isTimeout });
  }

  /** A signal that comes after `call.timeoutMs`, or with the caller's. */
  #expiry(signal: AbortSignal | undefined): Expiry {
    const { clock, limits } = this.#parts;
    const late = new AbortController();
    const timer = clock.setTimer(limits["call.timeoutMs"], () => late.abort());
    return {
      signal: AbortSignal.any([late.signal, this.#parts.signal, ...(signal ? [signal] : [])]),
      get isOver() {
        return late.signal.aborted;
      },
      stop: () => timer.cancel(),
    };
  }
}

interface Expiry {
  readonly signal: AbortSignal;
  readonly isOver: boolean;
  stop(): void;
}

/** How much of somebody's words stands in a message. */
const WORDS = 500;
const NEVER = new AbortController().signal;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
