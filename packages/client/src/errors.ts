/** What a refusal carries, as the server's table of error codes has it. */
export interface Refusal {
  readonly code: string;
  readonly status: number;
  readonly message: string;
  readonly retryable: boolean;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  readonly requestId?: string | undefined;
  readonly retryAfterMs?: number | undefined;
}

/** The server understood and said no. `retryable` tells whether the same request can succeed later. */
export class RequestRefusedError extends Error {
  override readonly name = "RequestRefusedError";
  readonly code: string;
  readonly status: number;
  readonly retryable: boolean;
  readonly details: Readonly<Record<string, unknown>>;
  /** Names this request in the server's log. */
  readonly requestId: string | undefined;
  /** How long the server asks to be left alone, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(refusal: Refusal) {
    super(refusal.message);
    this.code = refusal.code;
    this.status = refusal.status;
    this.retryable = refusal.retryable;
    this.details = refusal.details ?? {};
    this.requestId = refusal.requestId;
    this.retryAfterMs = refusal.retryAfterMs;
  }
}

/** No answer came: nothing listens there, the line broke, or the time was up. What was asked may have happened. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
  /** The address that was tried, without credentials. */
  readonly url: string;

  constructor(message: string, url: string, options?: ErrorOptions) {
    super(message, options);
    this.url = url;
  }
}

/** Something answered, but not as a Signalbox server of this client's version does. */
export class UnexpectedAnswerError extends Error {
  override readonly name = "UnexpectedAnswerError";
  readonly url: string;
  readonly status: number;

  constructor(message: string, url: string, status: number, options?: ErrorOptions) {
    super(message, options);
    this.url = url;
    this.status = status;
  }
}
