/** One message of an event stream; `id` is the last one that the stream named. */
export interface SseMessage {
  readonly event: string;
  readonly data: string;
  readonly id: string;
}

/** Cuts `text/event-stream` into messages. Comments are no messages. Throws a RangeError at one longer than `maxLength`. */
export class SseMessages {
  readonly #maxLength: number;
  readonly #decoder = new TextDecoder();
  #rest = "";
  #endedInReturn = false;
  #event = "";
  #data: string[] = [];
  #length = 0;
  #id = "";

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /** The messages that are complete with this piece. */
  push(piece: Uint8Array): SseMessage[] {
    let text = this.#decoder.decode(piece, { stream: true });
    // A line may end in two characters, and a piece between them.
    if (this.#endedInReturn && text.startsWith("\n")) text = text.slice(1);
    if (text !== "") this.#endedInReturn = text.endsWith("\r");
    const [first = "", ...others] = text.split(/\r\n|\n|\r/);
    const lines = [this.#rest + first, ...others];
    this.#rest = lines.pop() ?? "";
    const messages = lines.flatMap((line) => this.#take(line));
    this.#refuseLong(this.#rest.length);
    return messages;
  }

  #take(line: string): SseMessage[] {
    if (line === "") return this.#finish();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "event") this.#event = value;
    else if (field === "id") this.#id = value;
    else if (field === "data") {
      this.#length += value.length;
      this.#refuseLong(0);
      this.#data.push(value);
    }
    return [];
  }

  #finish(): SseMessage[] {
    const message = { event: this.#event || "message", data: this.#data.join("\n"), id: this.#id };
    const isEmpty = this.#data.length === 0;
    this.#event = "";
    this.#data = [];
    this.#length = 0;
    return isEmpty ? [] : [message];
  }

  #refuseLong(rest: number): void {
    if (this.#length + rest <= this.#maxLength) return;
    throw new RangeError(`a message of the event stream is longer than ${this.#maxLength} characters`);
  }
}
