import { InvalidKeyError } from "./errors.ts";
import { limit } from "./limits.ts";

const MOST_BYTES = limit("key.bytes");

/** Refuses with an InvalidKeyError what cannot be a key: any string but an empty one, one that is too long, and half characters. */
export function checkKey(key: unknown): asserts key is string {
  if (typeof key !== "string")
    throw new InvalidKeyError(`a key is a string, not ${key === null ? "null" : `a ${typeof key}`}`);
  if (key === "") throw new InvalidKeyError("a key is not empty");
  // A character has three bytes at most.
  if (key.length * 3 > MOST_BYTES && (key.length > MOST_BYTES || Buffer.byteLength(key) > MOST_BYTES)) {
    throw new InvalidKeyError(`a key has at most ${MOST_BYTES} bytes: ${JSON.stringify(key.slice(0, 40))}…`);
  }
  if (!key.isWellFormed()) throw new InvalidKeyError(`a key holds no half characters: ${JSON.stringify(key)}`);
}
