import { ERROR_CODES, type ApiError, type ErrorCode } from "@signalbox/protocol";

/** Thrown by what stands between the socket and a handler, and answered in the spelling of the face that was asked. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly error: ApiError;
  /** Headers that belong to this refusal, beside those of its status. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ErrorCode,
    message: string,
    details?: Record<string, unknown>,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.error = details ? { code, message, details } : { code, message };
    this.headers = headers;
  }
}

/** The HTTP status of a refusal. */
export function statusOf(error: ApiError): number {
  return ERROR_CODES[error.code].status;
}

/** What a refusal's status asks for in headers: how to log in, when to come back. */
export function headersOf(error: ApiError): Record<string, string> {
  const { status, retryable } = ERROR_CODES[error.code];
  if (status === 401) return { "WWW-Authenticate": 'Bearer realm="signalbox"' };
  return retryable ? { "Retry-After": String(retryAfterSeconds(error)) } : {};
}

function retryAfterSeconds(error: ApiError): number {
  const ms = error.details?.["retryAfterMs"];
  return typeof ms === "number" && ms > 0 ? Math.ceil(ms / 1_000) : 1;
}
