/** One message of an event stream. `id` is the last id that the stream named, empty before the first. */
export interface SseMessage {
  readonly event: string;
  readonly data: string;
  readonly id: string;
}

const LONGEST_MESSAGE = 32 * 1_048_576;

/**
 * Reads `text/event-stream`, fed with pieces of text cut anywhere. A message that the stream breaks off in is never
 * handed out. Refuses, with a RangeError, messages of more than 32 Mi characters.
 */
export class SseParser {
  #line = "";
  #event = "";
  #data: string[] = [];
  #size = 0;
  #id = "";
  #isFirst = true;
  #endedInReturn = false;
  /** What the server asks a client to wait before it connects again, in milliseconds. */
  retryMs: number | undefined;

  /** The messages that are complete with this piece. */
  push(piece: string): SseMessage[] {
    const messages: SseMessage[] = [];
    for (const line of this.#linesWith(piece)) {
      const message = line === "" ? this.#take() : this.#read(line);
      if (message) messages.push(message);
    }
    return messages;
  }

  /** Lines end in LF, CR or CRLF, and a piece may end between the two. */
  #linesWith(piece: string): string[] {
    let text = piece;
    if (this.#isFirst && text !== "") {
      if (text.startsWith("\uFEFF")) text = text.slice(1);
      this.#isFirst = false;
    }
    if (this.#endedInReturn && text.startsWith("\n")) text = text.slice(1);
    if (piece !== "") this.#endedInReturn = piece.endsWith("\r");
    const lines = text.split(/\r\n|\n|\r/);
    lines[0] = this.#line + (lines[0] ?? "");
    this.#line = lines.pop() ?? "";
    this.#refuseBeyond(this.#size + this.#line.length);
    return lines;
  }

  #read(line: string): undefined {
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "data") this.#addData(value);
    else if (field === "event") this.#event = value;
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    else if (field === "retry" && /^\d{1,9}$/.test(value)) this.retryMs = Number(value);
  }

  #addData(value: string): void {
    this.#size += value.length;
    this.#refuseBeyond(this.#size);
    this.#data.push(value);
  }

  #take(): SseMessage | undefined {
    const message = { event: this.#event || "message", data: this.#data.join("\n"), id: this.#id };
    const isEmpty = this.#data.length === 0;
    this.#event = "";
    this.#data = [];
    this.#size = 0;
    return isEmpty ? undefined : message;
  }

  #refuseBeyond(size: number): void {
    if (size > LONGEST_MESSAGE)
      throw new RangeError(`a message of the event stream is longer than ${LONGEST_MESSAGE} characters`);
  }
}
