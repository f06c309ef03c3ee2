import { hash } from "node:crypto";
import type { IncomingMessage } from "node:http";

import { limit } from "@signalbox/protocol";

import { Refusal } from "../refusal.ts";

const KEY = /^[\x21-\x7e]+$/;
const MAX_LENGTH = limit("idempotency.keyLength");

/** How a POST is told apart from its repetition. */
export interface Idempotency {
  readonly key: string;
  /** Method and path as asked: the same key on another object is another request. */
  readonly route: string;
  readonly bodyHash: string;
}

/** Reads the caller's key; without one there is no repetition to recognise. */
export function readIdempotency(incoming: IncomingMessage, body: Uint8Array): Idempotency | undefined {
  const key = readKey(incoming.headers["idempotency-key"]);
  if (key === undefined) return undefined;
  const target = incoming.url ?? "";
  const query = target.indexOf("?");
  return {
    key,
    route: `${incoming.method} ${query === -1 ? target : target.slice(0, query)}`,
    bodyHash: hash("sha256", body, "hex"),
  };
}

function readKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (typeof header === "string" && header.length <= MAX_LENGTH && KEY.test(header)) return header;
  throw new Refusal("VALIDATION_ERROR", `Idempotency-Key must be 1 to ${MAX_LENGTH} printable ASCII characters`, {
    issues: [{ path: "Idempotency-Key", message: `must be 1 to ${MAX_LENGTH} printable ASCII characters` }],
  });
}
