import type * as z from "zod";

import { readAnswer, readRefusal } from "./answer.ts";
import { backoffMs } from "./backoff.ts";
import { pause, type Clock } from "./clock.ts";
import { readBaseUrl } from "./base-url.ts";
import { ConnectionError, RequestRefusedError, UnexpectedAnswerError } from "./errors.ts";
import { explainFailure } from "./explain-failure.ts";

/** What a caller may say about one call. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** For POST: names this request, so that repeating it has no second effect. Default: a new one for each call. */
  readonly idempotencyKey?: string | undefined;
}

/** Collaborators and settings of a `Requester`. */
export interface RequesterSettings {
  /** Where the server is, without `/api/v1`. */
  readonly baseUrl: string;
  readonly token?: string | undefined;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly newKey: () => string;
  /** For one try: up to its headers, for JSON answers up to the end. */
  readonly timeoutMs: number;
  /** Tries after the first one. */
  readonly retries: number;
}

/** One request below `/api/v1`. */
export interface ApiRequest extends CallOptions {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  readonly accept?: string;
  /** Tries after the first one; default those of the client. */
  readonly retries?: number;
  /** For one try; default that of the client. */
  readonly timeoutMs?: number;
}

/** Longer than this is not waited for: the refusal goes to the caller, who knows better. */
const LONGEST_RETRY_AFTER_MS = 30_000;

/** What a server in front of ours says while ours is away. */
const GATEWAY_STATUSES: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/**
 * Sends requests: one deadline for each try, and another try, with the same idempotency key, where the network failed
 * or the server was busy (429, 503). Everything else that is refused goes to the caller at once.
 */
export class Requester {
  readonly #settings: RequesterSettings;
  readonly #base: string;

  constructor(settings: RequesterSettings) {
    this.#settings = settings;
    this.#base = readBaseUrl(settings.baseUrl);
  }

  get clock(): Clock {
    return this.#settings.clock;
  }

  /** The `data` of the answer, as `schema` reads it. */
  async json<T>(request: ApiRequest, schema: z.ZodType<T>): Promise<T> {
    return await this.#repeat(request, async (attempt) => readAnswer(await this.#fetch(attempt), schema));
  }

  /** The answer itself, once its headers are there and say yes. The caller reads its body or cancels it. */
  async open(request: ApiRequest): Promise<Response> {
    return await this.#repeat(request, (attempt) => this.#fetch(attempt));
  }

  /** How long to wait after so many failures in a row. */
  delayAfter(failures: number, error?: unknown): number {
    const atLeastMs = error instanceof RequestRefusedError ? error.retryAfterMs : undefined;
    return backoffMs(failures, this.#settings.random(), atLeastMs);
  }

  async #repeat<T>(request: ApiRequest, work: (attempt: Attempt) => Promise<T>): Promise<T> {
    const idempotencyKey = request.method === "POST" ? (request.idempotencyKey ?? this.#settings.newKey()) : undefined;
    const retries = request.retries ?? this.#settings.retries;
    for (let failures = 0; ; failures++) {
      try {
        return await this.#tryOnce({ ...request, idempotencyKey }, work);
      } catch (error) {
        if (failures >= retries || !isWorthAnotherTry(error)) throw error;
        await pause(this.#settings.clock, this.delayAfter(failures, error), request.signal);
      }
    }
  }

  async #tryOnce<T>(request: ApiRequest, work: (attempt: Attempt) => Promise<T>): Promise<T> {
    const { clock } = this.#settings;
    const timeoutMs = request.timeoutMs ?? this.#settings.timeoutMs;
    request.signal?.throwIfAborted();
    const url = this.#urlOf(request);
    const expiry = new AbortController();
    const timer = clock.setTimer(timeoutMs, () => expiry.abort());
    const signal = request.signal ? AbortSignal.any([request.signal, expiry.signal]) : expiry.signal;
    try {
      return await work({ request, url, signal });
    } catch (error) {
      request.signal?.throwIfAborted();
      throw explainFailure(error, url, expiry.signal.aborted ? timeoutMs : undefined);
    } finally {
      timer.cancel();
    }
  }

  async #fetch({ request, url, signal }: Attempt): Promise<Response> {
    const response = await this.#settings.fetch(url, {
      method: request.method ?? "GET",
      headers: this.#headersFor(request),
      signal,
      // A redirect could carry the token to another place; it is told to the caller instead of followed.
      redirect: "manual",
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
    });
    if (response.ok) return response;
    throw await readRefusal(response, url, this.#settings.clock.now());
  }

  #headersFor(request: ApiRequest): Record<string, string> {
    const { token } = this.#settings;
    return {
      accept: request.accept ?? "application/json",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(request.idempotencyKey === undefined ? {} : { "idempotency-key": request.idempotencyKey }),
      ...(request.body === undefined ? {} : { "content-type": "application/json" }),
    };
  }

  #urlOf({ path, query = {} }: ApiRequest): string {
    if (path.split("/").some((part) => /^(\.|%2e){1,2}$/i.test(part))) throw wouldGoElsewhere(path);
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
    return `${this.#base}/api/v1${path}${search.size === 0 ? "" : `?${search.toString()}`}`;
  }
}

interface Attempt {
  readonly request: ApiRequest;
  readonly url: string;
  readonly signal: AbortSignal;
}

/** `.` and `..` mean another path to every URL parser, in any spelling; no id and no file is called so. */
function wouldGoElsewhere(path: string): RequestRefusedError {
  const message = `${path} holds "." or "..", which are no names`;
  return new RequestRefusedError({ code: "MALFORMED_URL", status: 400, retryable: false, message });
}

/** Whether the same request, sent again, may be answered. */
export function isWorthAnotherTry(error: unknown): boolean {
  if (error instanceof ConnectionError) return true;
  if (error instanceof UnexpectedAnswerError) return GATEWAY_STATUSES.has(error.status);
  if (!(error instanceof RequestRefusedError)) return false;
  if ((error.retryAfterMs ?? 0) > LONGEST_RETRY_AFTER_MS) return false;
  // In progress is our own earlier try, whose answer was lost on the way.
  return error.status === 429 || error.status === 503 || error.code === "REQUEST_IN_PROGRESS";
}
