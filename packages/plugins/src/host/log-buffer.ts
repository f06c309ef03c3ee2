import { StringDecoder } from "node:string_decoder";
import { limit } from "../limits.ts";

/** What a plugin writes to. `host` is what the host itself has to say of it. */
export type LogStream = "stdout" | "stderr" | "host";

/** One line that a plugin wrote, with nothing in it that a terminal would act on. */
export interface LogLine {
  readonly pluginId: string;
  readonly stream: LogStream;
  readonly text: string;
  /** When its end was read: ISO 8601 in UTC. */
  readonly at: string;
}

/** `[fastapi-backend] Plugin ready!` */
export function formatLogLine({ pluginId, text }: LogLine): string {
  return `[${pluginId}] ${text}`;
}

/** What a buffer is made with. */
export interface LogBufferOptions {
  readonly pluginId: string;
  readonly now: () => number;
  /** Is handed every line, also those that are soon forgotten here. */
  readonly onLine?: ((line: LogLine) => void) | undefined;
}

/** The last lines of a plugin. However much it writes, the memory is bounded. */
export class LogBuffer {
  readonly #pluginId: string;
  readonly #now: () => number;
  readonly #onLine: ((line: LogLine) => void) | undefined;
  #lines: LogLine[] = [];

  constructor({ pluginId, now, onLine }: LogBufferOptions) {
    this.#pluginId = pluginId;
    this.#now = now;
    this.#onLine = onLine;
  }

  /** Oldest first; at most 500. */
  get lines(): readonly LogLine[] {
    return this.#lines.slice(-limit("log.lines"));
  }

  add(stream: LogStream, text: string): void {
    const line = { pluginId: this.#pluginId, stream, text: visible(text), at: new Date(this.#now()).toISOString() };
    this.#lines.push(line);
    // Cut now and then, so that not every line moves all others.
    if (this.#lines.length >= 2 * limit("log.lines")) this.#lines = this.#lines.slice(-limit("log.lines"));
    this.#onLine?.(line);
  }

  /** Takes the bytes of a stream as they come and makes lines of them. */
  writer(stream: LogStream): LogWriter {
    return new LogWriter((text) => this.add(stream, text));
  }
}

/** Makes lines of bytes. A line that is too long is broken, and never waited for to the end. */
export class LogWriter {
  readonly #decoder = new StringDecoder("utf8");
  readonly #take: (text: string) => void;
  #rest = "";

  constructor(take: (text: string) => void) {
    this.#take = take;
  }

  write(bytes: Buffer): void {
    const lines = (this.#rest + this.#decoder.write(bytes)).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#takeAll(line.replace(/\r$/, ""));
    while (this.#rest.length > limit("log.lineLength")) this.#rest = this.#takePart(this.#rest);
  }

  /** Hands on what has no end of line. */
  end(): void {
    const rest = this.#rest + this.#decoder.end();
    this.#rest = "";
    if (rest !== "") this.#takeAll(rest);
  }

  #takeAll(line: string): void {
    let rest = line;
    while (rest.length > limit("log.lineLength")) rest = this.#takePart(rest);
    this.#take(rest);
  }

  #takePart(text: string): string {
    this.#take(text.slice(0, limit("log.lineLength")));
    return text.slice(limit("log.lineLength"));
  }
}

/** Colours, cursor movements and hidden characters, shown as escapes; tabs stay. */
function visible(text: string): string {
  return text.replace(/[^\P{C}\t]|[\p{Zl}\p{Zp}]/gu, (character) => {
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}
