import * as z from "zod";

/** Prefixes of the ids that the control plane makes. */
export const ID_PREFIXES = {
  run: "run",
  step: "stp",
  attempt: "att",
  gate: "gate",
  runner: "rnr",
  plugin: "plg",
  session: "ses",
  approval: "apr",
  input: "inp",
  artifact: "art",
  timer: "tmr",
  token: "tok",
  connection: "con",
  offer: "off",
  request: "req",
  webhook: "whk",
  delivery: "whd",
} as const;
export type IdKind = keyof typeof ID_PREFIXES;

/** An id as callers send it: opaque, at most 128 characters, no separators of paths or shells. */
export const OpaqueIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$/, "an id has 1 to 128 letters, digits, '_', '.', ':' or '-'");

export const OrgIdSchema = OpaqueIdSchema;
export type OrgId = string;
export const RunIdSchema = OpaqueIdSchema;
export type RunId = string;
export const AttemptIdSchema = OpaqueIdSchema;
export type AttemptId = string;
export const RunnerIdSchema = OpaqueIdSchema;
export type RunnerId = string;
export const GateIdSchema = OpaqueIdSchema;
export type GateId = string;

/** The org of an installation that has only one. */
export const DEFAULT_ORG = "default";

/** Makes ids; injected so that a simulation can repeat itself. */
export interface IdSource {
  /** A new id: prefix, 48 bits of milliseconds and 128 random bits in Crockford's base 32; sorts by time of making. */
  next(kind: IdKind): string;
}

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const RANDOM_BYTES = 16;
const POOL_IDS = 256;

/** An id source over a clock and a source of random bytes (in production `crypto.randomFillSync`). */
export function createIdSource(deps: {
  readonly now: () => number;
  readonly fillRandom: (bytes: Uint8Array) => void;
}): IdSource {
  const pool = new Uint8Array(RANDOM_BYTES * POOL_IDS);
  let used = pool.length;
  return {
    next(kind) {
      if (used === pool.length) {
        deps.fillRandom(pool);
        used = 0;
      }
      const id = `${ID_PREFIXES[kind]}_${encodeTime(deps.now())}${encodeRandom(pool, used)}`;
      used += RANDOM_BYTES;
      return id;
    },
  };
}

function encodeTime(ms: number): string {
  let rest = Math.floor(ms);
  let text = "";
  for (let i = 0; i < 10; i++) {
    text = ALPHABET.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

function encodeRandom(bytes: Uint8Array, start: number): string {
  let text = "";
  let bits = 0;
  let held = 0;
  for (let i = start; i < start + RANDOM_BYTES; i++) {
    held = ((held << 8) | (bytes[i] ?? 0)) & 0x1fff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET.charAt((held >>> bits) & 31);
    }
  }
  return text + ALPHABET.charAt((held << (5 - bits)) & 31);
}
