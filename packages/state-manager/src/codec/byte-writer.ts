/** Bytes that take text, without a look at the name of its encoding. */
interface Bytes extends Buffer {
  utf8Write(text: string, offset: number, length: number): number;
}

/** How much is set aside at a time: many small results share it, since each array of its own costs more than what is in it. */
const SLAB_BYTES = 65_536;
/** What is left of a slab for the next result to begin in; otherwise there is a new one. */
const LEAST_ROOM = 1_024;

/** Up to here a loop is faster than a call out of JavaScript. */
const SHORT = 24;

/** Bytes that grow at the end. */
export class ByteWriter {
  #bytes = room(LEAST_ROOM);
  #start = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  /** Begins anew. */
  clear(): void {
    this.cut(0);
  }

  /** What was written; then it begins anew. */
  take(): Uint8Array {
    const taken = new Uint8Array(this.#bytes.buffer, this.#start, this.#end - this.#start);
    this.#start = this.#end;
    if (this.#bytes.length - this.#end < LEAST_ROOM) {
      this.#bytes = room(SLAB_BYTES);
      this.#start = this.#end = 0;
    }
    return taken;
  }

  /** Takes back what was written behind so many bytes. */
  cut(length: number): void {
    this.#end = this.#start + length;
  }

  /** What was written, to look at. */
  peek(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  byte(value: number): void {
    if (this.#end === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#end++] = value;
  }

  /** A whole number from 0 to 2^53 - 1: seven bits a byte, the lowest first. */
  number(value: number): void {
    if (this.#end + 8 > this.#bytes.length) this.#grow(8);
    const bytes = this.#bytes;
    let rest = value;
    while (rest > 0x7fff_ffff) {
      bytes[this.#end++] = 0x80 | (rest % 128);
      rest = Math.floor(rest / 128);
    }
    while (rest > 0x7f) {
      bytes[this.#end++] = 0x80 | (rest & 0x7f);
      rest >>>= 7;
    }
    bytes[this.#end++] = rest;
  }

  /** A whole number from -2^52 to 2^52: small ones are short, whatever their sign. */
  difference(value: number): void {
    this.number(value < 0 ? -value * 2 - 1 : value * 2);
  }

  /**
   * A string, with `flags` as the lowest `flagBits` of the number before it, and above them whether it is more than ASCII. It
   * must not hold half a character.
   */
  string(text: string, flags: number, flagBits: number): void {
    const { length } = text;
    const before = this.#end;
    this.number(((length * 2) << flagBits) | flags);
    if (this.#ascii(text)) return;
    this.#end = before;
    this.#utf8(text, flags, flagBits);
  }

  /** ASCII behind a byte that says how much: a number below and the length. False, and nothing, where it is more than ASCII. */
  tryAscii(below: number, text: string): boolean {
    this.byte(below + text.length);
    if (this.#ascii(text)) return true;
    this.#end--;
    return false;
  }

  /** A number as eight bytes. */
  float(value: number): void {
    this.reserve(8);
    this.#bytes.writeDoubleLE(value, this.#end);
    this.#end += 8;
  }

  raw(bytes: Uint8Array): void {
    const { length } = bytes;
    this.reserve(length);
    // Of a few bytes `set` costs more than a loop.
    if (length > 16) this.#bytes.set(bytes, this.#end);
    else for (let index = 0; index < length; index++) this.#bytes[this.#end + index] = bytes[index] ?? 0;
    this.#end += length;
  }

  /** Four bytes, the lowest first. */
  uint32(value: number): void {
    for (let shift = 0; shift < 32; shift += 8) this.byte((value >>> shift) & 0xff);
  }

  /** Makes room, so that what follows is written faster. */
  reserve(count: number): void {
    if (this.#end + count > this.#bytes.length) this.#grow(count);
  }

  /** Writes characters as bytes; false, and nothing, where they are more than ASCII. */
  #ascii(text: string): boolean {
    const { length } = text;
    if (length > SHORT) {
      this.reserve(length * 3);
      const written = this.#bytes.utf8Write(text, this.#end, length * 3);
      if (written === length) this.#end += length;
      return written === length;
    }
    this.reserve(length);
    const bytes = this.#bytes;
    const start = this.#end;
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) return false;
      bytes[start + index] = code;
    }
    this.#end = start + length;
    return true;
  }

  #utf8(text: string, flags: number, flagBits: number): void {
    const encoded = Buffer.from(text);
    this.number(((encoded.length * 2 + 1) << flagBits) | flags);
    this.raw(encoded);
  }

  #grow(count: number): void {
    const written = this.#bytes.subarray(this.#start, this.#end);
    this.#bytes = room(Math.max(SLAB_BYTES, 2 * (written.length + count)));
    this.#bytes.set(written);
    this.#start = 0;
    this.#end = written.length;
  }
}

function room(bytes: number): Bytes {
  // The types of Node.js leave out what its documentation of encodings builds on.
  return Buffer.allocUnsafeSlow(bytes) as Bytes;
}
