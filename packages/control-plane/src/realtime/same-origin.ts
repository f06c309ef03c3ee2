import type { IncomingMessage } from "node:http";

/** Whether a request comes from no page, or from one that this very server served. */
export function isSameOrigin({ headers }: IncomingMessage): boolean {
  if (headers.origin === undefined) return true;
  const origin = URL.parse(headers.origin);
  return origin !== null && origin.host === headers.host;
}
