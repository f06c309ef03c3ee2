/** Bytes as text, a character each, without a look at the name of the encoding. */
interface Bytes extends Buffer {
  latin1Slice(start?: number, end?: number): string;
}

/** What a reader throws; its user makes it an error that tells what the bytes were to be. */
export class MalformedBytes extends Error {
  override readonly name = "MalformedBytes";
}

// Without ignoreBOM a character U+FEFF at the beginning would be dropped.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Up to here a piece of a long string is a copy; beyond, it would keep the whole long string in memory. */
const SHORT = 12;

/** Reads bytes from their beginning; throws MalformedBytes where they end or cannot be. */
export class ByteReader {
  readonly #bytes: Bytes;
  /** The bytes as characters, so that short strings are pieces of one. */
  readonly #characters: string;
  #at = 0;
  /** The flags of the string that was read last. */
  flags = 0;

  constructor(bytes: Uint8Array) {
    // The types of Node.js leave out what its documentation of encodings builds on.
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) as Bytes;
    this.#characters = this.#bytes.latin1Slice();
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    const value = this.#bytes[this.#at++];
    if (value === undefined) throw ended();
    return value;
  }

  /** A whole number that is safe. */
  number(): number {
    const first = this.byte();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    for (let factor = 128; factor <= 0x2_0000_0000_0000; factor *= 128) {
      const next = this.byte();
      value += (next & 0x7f) * factor;
      if (next < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
    }
    throw new MalformedBytes("a number is too large");
  }

  difference(): number {
    const value = this.number();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** A string that was written with so many bits of flags; they are in `flags` then. */
  string(flagBits: number): string {
    const head = this.number();
    this.flags = head & ((1 << flagBits) - 1);
    return this.text((head - this.flags) / (1 << flagBits));
  }

  /** A string whose length, times two and one more for UTF-8, was read already. */
  text(head: number): string {
    if (head > 0x3fff_ffff) throw new MalformedBytes("a string is too long");
    const start = this.#at;
    const end = start + (head >>> 1);
    if (end > this.#bytes.length) throw ended();
    this.#at = end;
    if ((head & 1) === 1) return decode(this.#bytes.subarray(start, end));
    return end - start <= SHORT ? this.#characters.substring(start, end) : this.#bytes.latin1Slice(start, end);
  }

  float(): number {
    if (this.#at + 8 > this.#bytes.length) throw ended();
    this.#at += 8;
    return this.#bytes.readDoubleLE(this.#at - 8);
  }

  raw(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw ended();
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  uint32(): number {
    let value = 0;
    for (let factor = 1; factor <= 0x100_0000; factor *= 256) value += this.byte() * factor;
    return value;
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new MalformedBytes("a string is not UTF-8");
  }
}

function ended(): MalformedBytes {
  return new MalformedBytes("it ends too early");
}
