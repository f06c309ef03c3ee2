import type { Writable } from "node:stream";

/** One line of an agent's protocol stream. */
export type JsonLine =
  | { readonly kind: "frame"; readonly value: unknown; readonly bytes: number }
  /** A line that is not JSON; `text` is its beginning. */
  | { readonly kind: "garbage"; readonly text: string; readonly bytes: number }
  /** A line over the limit, of which nothing is kept; `bytes` were skipped. */
  | { readonly kind: "oversized"; readonly bytes: number };

/**
 * Cuts chunks of bytes into lines of JSON. Holds no more than `maxBytes` and one chunk, whatever is fed to it, and throws
 * at nothing: what cannot be read comes out as garbage. Empty lines are left out.
 */
export class JsonLineSplitter {
  readonly #maxBytes: number;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  /** Bytes skipped so far of a line that is too long. */
  #skipped = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  *push(chunk: Uint8Array): Generator<JsonLine, void> {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      yield* this.#endLine(chunk.subarray(start, end));
      start = end + 1;
    }
    this.#hold(chunk.subarray(start));
  }

  /** The last line, when the stream ended without a line break. */
  *end(): Generator<JsonLine, void> {
    yield* this.#endLine(new Uint8Array());
  }

  #hold(part: Uint8Array): void {
    if (part.length === 0) return;
    if (this.#skipped > 0 || this.#heldBytes + part.length > this.#maxBytes) {
      this.#skipped += this.#heldBytes + part.length;
      this.#drop();
      return;
    }
    // A copy: the chunk may be part of a larger buffer, which would be held with it.
    this.#held.push(part.slice());
    this.#heldBytes += part.length;
  }

  *#endLine(part: Uint8Array): Generator<JsonLine, void> {
    this.#hold(part);
    const bytes = this.#skipped > 0 ? this.#skipped : this.#heldBytes;
    if (bytes === 0) return;
    const line = this.#skipped > 0 ? undefined : decode(this.#held, this.#heldBytes);
    this.#skipped = 0;
    this.#drop();
    if (line === undefined) yield { kind: "oversized", bytes };
    else if (line.trim() !== "") yield parse(line, bytes);
  }

  #drop(): void {
    this.#held = [];
    this.#heldBytes = 0;
  }
}

/** Writes frames as lines of JSON. A stream that is closed or broken swallows them: the process's end tells of that. */
export class JsonLineWriter {
  readonly #stream: Writable;
  readonly #maxBytes: number;

  constructor(stream: Writable, maxBytes: number) {
    this.#stream = stream;
    this.#maxBytes = maxBytes;
    stream.on("error", () => undefined);
  }

  /** Resolves when the stream takes more; see `whenRead`. */
  async write(frame: unknown): Promise<void> {
    const stream = this.#stream;
    if (stream.destroyed || stream.writableEnded) return;
    stream.write(`${JSON.stringify(frame)}\n`);
    await this.whenRead();
  }

  /**
   * Undefined while no more than `maxBytes` wait to be read, so that two sides that both write first do not wait for each
   * other; above that, resolves when all was read. Who hears the other side only then cannot be made to hold answers without
   * end.
   */
  whenRead(): Promise<void> | undefined {
    const stream = this.#stream;
    // Below its high-water mark a stream tells nobody when it was read.
    if (!stream.writableNeedDrain || stream.writableLength <= this.#maxBytes || stream.destroyed) return undefined;
    return new Promise((resolve) => {
      const done = (): void => {
        for (const event of DRAINED) stream.off(event, done);
        resolve();
      };
      for (const event of DRAINED) stream.once(event, done);
    });
  }

  /** Ends the stream; what is written later is dropped. */
  end(): void {
    if (!this.#stream.destroyed) this.#stream.end();
  }
}

const NEWLINE = 0x0a;
const GARBAGE_SHOWN = 200;
const DRAINED = ["drain", "close", "error"] as const;

function decode(parts: readonly Uint8Array[], bytes: number): string {
  const [first = new Uint8Array()] = parts;
  return Buffer.from(parts.length > 1 ? Buffer.concat(parts, bytes) : first).toString("utf8");
}

function parse(line: string, bytes: number): JsonLine {
  try {
    return { kind: "frame", value: JSON.parse(line) as unknown, bytes };
  } catch {
    return { kind: "garbage", text: line.slice(0, GARBAGE_SHOWN), bytes };
  }
}
