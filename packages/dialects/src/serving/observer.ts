/** One answered request, for logs, metrics and traces. */
export interface Answered {
  readonly requestId: string;
  readonly method: string;
  /** The route as the table spells it; absent where there is none. */
  readonly route?: string | undefined;
  readonly status: number;
  readonly durationMs: number;
  /** The code of a refusal. */
  readonly code?: string | undefined;
  /** Who asked. */
  readonly principal?: string | undefined;
  /** How a stream ended. */
  readonly end?: string | undefined;
}

/** A span around one request. */
export interface RequestSpan {
  /** Of the span itself: what handlers pass on. */
  readonly traceparent: string;
  end(answered: Answered): void;
}

/** Told what happens at the faces. Nothing that it is told holds a secret or a body. */
export interface Observer {
  answered?(answered: Answered): void;
  /** A bug: an exception that nobody expected. */
  failed?(error: unknown, requestId: string): void;
  /** Begins a span; absent when nobody traces. */
  span?(name: string, parent: string | undefined): RequestSpan;
}
