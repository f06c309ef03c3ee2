import { ConnectionError, RequestRefusedError, UnexpectedAnswerError } from "./errors.ts";

const WORDS: Readonly<Record<string, (origin: string) => string>> = {
  ECONNREFUSED: (origin) => `nothing listens at ${origin}`,
  ENOTFOUND: (origin) => `the host of ${origin} is not known`,
  EAI_AGAIN: (origin) => `the host of ${origin} could not be looked up`,
  ECONNRESET: (origin) => `${origin} broke the connection`,
  UND_ERR_SOCKET: (origin) => `${origin} closed the connection before it answered`,
  ETIMEDOUT: (origin) => `${origin} did not answer`,
  EHOSTUNREACH: (origin) => `no way leads to ${origin}`,
  ENETUNREACH: (origin) => `no network leads to ${origin}`,
  UND_ERR_CONNECT_TIMEOUT: (origin) => `${origin} did not answer`,
  CERT_HAS_EXPIRED: (origin) => `the certificate of ${origin} has expired`,
  DEPTH_ZERO_SELF_SIGNED_CERT: (origin) => `the certificate of ${origin} is self-signed`,
  ERR_SSL_WRONG_VERSION_NUMBER: (origin) => `${origin} does not speak TLS; try http://`,
  HPE_INVALID_CONSTANT: (origin) => `${origin} does not speak HTTP; try https://`,
};

/** What a failed fetch means, in words; refusals and what was told already pass through. */
export function explainFailure(error: unknown, url: string, expiredAfterMs?: number): unknown {
  if (expiredAfterMs !== undefined) {
    return new ConnectionError(`${originOf(url)} did not answer within ${expiredAfterMs / 1_000} s`, originOf(url), {
      cause: error,
    });
  }
  if (error instanceof RequestRefusedError || error instanceof UnexpectedAnswerError) return error;
  // What fetch and the streams it gives throw for the network is a TypeError; anything else is a bug of ours.
  if (!(error instanceof TypeError)) return error;
  const words = codesOf(error).flatMap((code) => WORDS[code] ?? []);
  const message = words[0]?.(originOf(url)) ?? `${originOf(url)} cannot be reached (${deepestMessage(error)})`;
  return new ConnectionError(message, originOf(url), { cause: error });
}

function originOf(url: string): string {
  return URL.parse(url)?.origin ?? url;
}

/** The codes of an error and of all that caused it, outermost first; several addresses of a host are all there. */
function codesOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const own = "code" in error && typeof error.code === "string" ? [error.code] : [];
  const parts = error instanceof AggregateError ? error.errors.flatMap((part) => codesOf(part)) : [];
  return [...own, ...parts, ...codesOf(error.cause)];
}

function deepestMessage(error: Error): string {
  return error.cause instanceof Error ? deepestMessage(error.cause) : error.message;
}
