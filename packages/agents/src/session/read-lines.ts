import type { Readable } from "node:stream";

import { JsonLineSplitter } from "../json-lines.ts";
import type { JsonLine } from "../json-lines.ts";

/** What a reader of lines works with. */
export interface ReadLinesRequest {
  readonly stream: Readable;
  readonly maxBytes: number;
  /** Undefined, or resolves when the next line may be read. */
  readonly whenRoom: () => Promise<void> | undefined;
  /** Undefined, or resolves in the turn of the event loop in which it may be. */
  readonly whenTurn: () => Promise<void> | undefined;
  /** Takes a line; the next comes when it has resolved. */
  readonly take: (line: JsonLine) => Promise<void>;
}

/**
 * Reads a stream line by line to its end, one after the other, and only while there is room; the rest stays in the pipe, and
 * the agent waits. Resolves at the end of the stream, also when it is destroyed.
 */
export async function readLines({ stream, maxBytes, whenRoom, whenTurn, take }: ReadLinesRequest): Promise<void> {
  const splitter = new JsonLineSplitter(maxBytes);
  const takeAll = async (lines: Iterable<JsonLine>): Promise<void> => {
    for (const line of lines) {
      await whenRoom();
      await whenTurn();
      await take(line);
    }
  };
  try {
    for await (const chunk of stream) await takeAll(splitter.push(chunk as Uint8Array));
  } catch {
    // A broken pipe is an end like another: the process's exit tells why.
  }
  await takeAll(splitter.end());
}
