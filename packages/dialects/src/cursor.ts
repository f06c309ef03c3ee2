import type { IncomingMessage } from "node:http";

/** Where a reader of a stream goes on: `Last-Event-ID` when its browser reconnects, else `?after=`, else the beginning. */
export function readCursor(incoming: IncomingMessage, after: number | undefined): number {
  const last = incoming.headers["last-event-id"];
  return typeof last === "string" && /^\d{1,15}$/.test(last) ? Number(last) : (after ?? 0);
}
