const REQUEST_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The id that a caller gave its request, when it is one that may stand in logs and headers. */
export function readRequestId(header: string | string[] | undefined): string | undefined {
  return typeof header === "string" && REQUEST_ID.test(header) ? header : undefined;
}

/** A W3C trace context that came with a request, when it is well formed. */
export function readTraceparent(header: string | string[] | undefined): string | undefined {
  return typeof header === "string" && TRACEPARENT.test(header) ? header : undefined;
}
