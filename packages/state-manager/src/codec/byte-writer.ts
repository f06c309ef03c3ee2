import { SHORT_FORM_LENGTHS, shortFormAt, shorten } from "./json-short-forms.ts";

/** How much is set aside at a time: many small results share it, since each array of its own costs more than what is in it. */
const SLAB_BYTES = 65_536;
/** What is left of a slab for the next result to begin in; otherwise there is a new one. */
const LEAST_ROOM = 1_024;

/** Bytes that grow at the end. */
export class ByteWriter {
  #bytes = new Uint8Array(LEAST_ROOM);
  #start = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  /** Begins anew. */
  clear(): void {
    this.#end = this.#start;
  }

  /** What was written; then it begins anew. */
  take(): Uint8Array {
    const taken = new Uint8Array(this.#bytes.buffer, this.#start, this.#end - this.#start);
    this.#start = this.#end;
    if (this.#bytes.length - this.#end < LEAST_ROOM) {
      this.#bytes = new Uint8Array(SLAB_BYTES);
      this.#start = this.#end = 0;
    }
    return taken;
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
   * A string, with `flags` as the lowest `flagBits` of the number before it. Where all characters are Latin-1 they are
   * a byte each, otherwise it is UTF-8; it must not hold half a character then.
   */
  string(text: string, flags: number, flagBits: number): void {
    const { length } = text;
    this.reserve(length + 8);
    const before = this.#end;
    this.number(((length * 2) << flagBits) | flags);
    const bytes = this.#bytes;
    let at = this.#end;
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code > 0xff) {
        this.#end = before;
        return this.#utf8(text, flags, flagBits);
      }
      bytes[at++] = code;
    }
    this.#end = at;
  }

  /** JSON, like a string, with its short forms. */
  json(text: string, flags: number, flagBits: number): void {
    const { length } = text;
    this.reserve(length + 16);
    const before = this.#end;
    // What goes before is as long as it would be for the whole text; if that is too long, the rest moves up.
    this.number((length * 2) << flagBits);
    const bytes = this.#bytes;
    const start = this.#end;
    let at = start;
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code > 0xff) {
        this.#end = before;
        return this.#utf8(shorten(text), flags, flagBits);
      }
      const form = shortFormAt(text, index, code);
      if (form === 0) bytes[at++] = code;
      else {
        bytes[at++] = form;
        index += (SHORT_FORM_LENGTHS[form] ?? 1) - 1;
      }
    }
    this.#end = before;
    this.number((((at - start) * 2) << flagBits) | flags);
    if (this.#end < start) bytes.copyWithin(this.#end, start, at);
    this.#end += at - start;
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

  #utf8(text: string, flags: number, flagBits: number): void {
    const encoded = Buffer.from(text);
    this.number(((encoded.length * 2 + 1) << flagBits) | flags);
    this.raw(encoded);
  }

  #grow(count: number): void {
    const written = this.#bytes.subarray(this.#start, this.#end);
    this.#bytes = new Uint8Array(Math.max(SLAB_BYTES, 2 * (written.length + count)));
    this.#bytes.set(written);
    this.#start = 0;
    this.#end = written.length;
  }
}
