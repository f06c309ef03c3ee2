import { randomBytes } from "node:crypto";

/** Fills a new array with random bytes; injected so that a test can choose them. */
export type RandomBytes = (count: number) => Uint8Array;

export const systemRandom: RandomBytes = (count) => randomBytes(count);

const HOUR_MS = 3_600_000;
const FIRST_HOUR = Date.UTC(2020, 0, 1) / HOUR_MS;
const HOURS = 2 ** 20;

/** How many characters the part of a replica id has that is its own. */
export const OWN_PART_LENGTH = 11;
/** And how many bytes it stands for. */
export const OWN_PART_BYTES = 8;

/**
 * An id for one life of a replica: 44 random bits after the hour of its birth, 11 characters of base64url, with the
 * name that it was given before it. Each life has one of its own, so that no operation's number is ever used twice, whatever is
 * lost, copied or restored from a backup.
 */
export function newReplicaId(name: string | undefined, nowMs: number, random: RandomBytes): string {
  const hours = Math.min(Math.max(0, Math.floor(nowMs / HOUR_MS) - FIRST_HOUR), HOURS - 1) || 0;
  const bytes = Buffer.from(random(OWN_PART_BYTES));
  bytes[0] = (hours >>> 12) & 0xff;
  bytes[1] = (hours >>> 4) & 0xff;
  bytes[2] = ((hours & 0xf) << 4) | ((bytes[2] ?? 0) & 0xf);
  const own = bytes.toString("base64url");
  return name === undefined ? own : `${name}.${own}`;
}

/** When a replica was born, in milliseconds since the epoch, to the hour. */
export function birthOf(replicaId: string): number {
  const [first = 0, second = 0, third = 0] = Buffer.from(replicaId.slice(-OWN_PART_LENGTH), "base64url");
  return (FIRST_HOUR + ((first << 12) | (second << 4) | (third >> 4))) * HOUR_MS;
}

const OWN_PART = /^[A-Za-z0-9_-]{10}[AEIMQUYcgkosw048]$/;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** Whether this is the id of a replica without a name. */
export function isOwnPart(text: string): boolean {
  return OWN_PART.test(text);
}

/** Whether a replica may be named so. */
export function isReplicaName(name: string): boolean {
  return NAME.test(name);
}

/** Whether this could be the id of a replica. */
export function isReplicaId(id: string): boolean {
  const dot = id.length - OWN_PART_LENGTH - 1;
  if (dot < 0) return isOwnPart(id);
  return id[dot] === "." && isReplicaName(id.slice(0, dot)) && isOwnPart(id.slice(dot + 1));
}
