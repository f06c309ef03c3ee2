import { isUtf8 } from "node:buffer";
import { TextDecoder } from "node:util";

import type { OutputChunk } from "@signalbox/protocol";

/**
 * Spells pieces of output as JSON. `text` is for people: a character that is split between two pieces comes whole with
 * the second. `base64` is there as well when the bytes of a piece cannot be had back from its text alone.
 */
export class OutputSpelling {
  /** For each attempt's stream, the beginning of a character that its last piece did not finish; absent for none. */
  readonly #held = new Map<string, Held>();

  spell(chunk: OutputChunk): string {
    const stream = `${chunk.attemptId}/${chunk.stream}`;
    const held = this.#held.get(stream);
    if (!held && isUtf8(chunk.bytes)) return spellWhole(chunk);
    this.#held.delete(stream);
    const decoder = held?.decoder ?? new TextDecoder("utf-8", { ignoreBOM: true });
    // What a gap cuts in two never becomes whole.
    if (chunk.gap !== undefined) return spellChunk(chunk, decoder.decode());
    const text = decoder.decode(chunk.bytes, { stream: true });
    const tail = Buffer.concat([held?.tail ?? NONE, chunk.bytes]).subarray(-LONGEST_BEGINNING);
    if (endsInsideCharacter(tail)) this.#held.set(stream, { decoder, tail });
    return spellChunk(chunk, text, Buffer.from(chunk.bytes).toString("base64"));
  }
}

interface Held {
  readonly decoder: TextDecoder;
  /** The last bytes, by which to tell when the character is whole. */
  readonly tail: Uint8Array;
}

const NONE = new Uint8Array(0);
/** Of the four bytes that a character may have, at least one is missing. */
const LONGEST_BEGINNING = 3;

/** The JSON of pieces that say the same to every reader; made once. */
const shared = new WeakMap<OutputChunk, string>();

function spellWhole(chunk: OutputChunk): string {
  const made = shared.get(chunk) ?? spellChunk(chunk, Buffer.from(chunk.bytes).toString());
  shared.set(chunk, made);
  return made;
}

function spellChunk(chunk: OutputChunk, text: string, base64?: string): string {
  const { step, attemptId, stream, offset, length, gap } = chunk;
  return JSON.stringify({ step, attemptId, stream, offset, length, text, base64, gap });
}

/** Whether the last bytes begin a character of UTF-8 that they do not finish. */
function endsInsideCharacter(bytes: Uint8Array): boolean {
  for (let back = 1; back <= Math.min(LONGEST_BEGINNING, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return false;
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2);
  }
  return false;
}
