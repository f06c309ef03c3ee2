import { createHash } from "node:crypto";

import { canonicalJson } from "./canonical-json.ts";
import { ENVELOPE_HASH_PREFIX, type Envelope } from "./run/envelope.ts";
import { APPROVAL_HASH_PREFIX, type GateContent } from "./run/gate.ts";
import type { ApprovalContent } from "./session/approval.ts";

/** sha256 in hex. */
export function sha256Hex(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** What an attempt will run, as one hash. */
export function hashEnvelope(envelope: Envelope): string {
  return sha256Hex(ENVELOPE_HASH_PREFIX + canonicalJson(envelope));
}

/** What a gate asks, as one hash. */
export function hashGateContent(content: GateContent): string {
  return sha256Hex(APPROVAL_HASH_PREFIX + canonicalJson(content));
}

/** What an approval in a session is known by. */
export function hashApprovalContent(content: ApprovalContent): string {
  return sha256Hex(APPROVAL_HASH_PREFIX + canonicalJson(content));
}

/** An environment, as one hash. */
export function hashEnvironment(environment: Readonly<Record<string, string>>): string {
  return Object.keys(environment).length === 0 ? EMPTY_HASH : sha256Hex(canonicalJson(environment));
}

/** Most steps get no entries. */
const EMPTY_HASH = sha256Hex("{}");
