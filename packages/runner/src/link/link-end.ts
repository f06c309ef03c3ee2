import { ERROR_CODES, isErrorCode } from "@signalbox/protocol";
import type { SocketEnd } from "./client-socket.ts";

/** Why the control plane wants nothing more to do with this runner. */
export interface LinkEnd {
  /** `retired`: taken out of the fleet. `refused`: the key or the protocol is not accepted. `fenced`: another process has taken its place. */
  readonly cause: "retired" | "refused" | "fenced";
  readonly message: string;
}

/** Whether a refusal is for good. The server's `retryAfterMs` says that it is not. */
export function endOfRefusal(refusal: {
  code: string;
  message: string;
  retryAfterMs?: number | undefined;
}): LinkEnd | undefined {
  if (refusal.retryAfterMs !== undefined) return undefined;
  if (isErrorCode(refusal.code) && ERROR_CODES[refusal.code].retryable) return undefined;
  return { cause: refusal.code === "FENCED" ? "fenced" : "refused", message: `${refusal.message} (${refusal.code})` };
}

/** A gateway may answer anything while the server restarts; only what names this runner's credential is for good. */
const FINAL_STATUSES: ReadonlySet<number> = new Set([401, 403, 410]);

/** Whether the end of a socket is for good. */
export function endOfSocket(end: SocketEnd): LinkEnd | undefined {
  if (end.status === undefined || !FINAL_STATUSES.has(end.status)) return undefined;
  return { cause: "refused", message: end.reason };
}
