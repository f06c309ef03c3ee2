import type { IncomingMessage } from "node:http";

import { limit } from "@signalbox/protocol";

import { CallerGoneError } from "../boundary/read-body.ts";
import { Refusal } from "../refusal.ts";

/**
 * A body as it arrives, never all of it in memory; BODY_TOO_LARGE at the first byte beyond the limit. It may take long,
 * but a caller that sends nothing for `stallMs` is cut off.
 */
export async function* streamedBody(
  incoming: IncomingMessage,
  maxBytes: number,
  stallMs: number = limit("http.requestMs"),
): AsyncGenerator<Uint8Array, void, undefined> {
  const tooLarge = () =>
    new Refusal("BODY_TOO_LARGE", `the body is larger than ${maxBytes} bytes`, { maxBytes }, { Connection: "close" });
  if (Number(incoming.headers["content-length"] ?? 0) > maxBytes) throw tooLarge();
  let length = 0;
  const deadline = setTimeout(() => incoming.destroy(), stallMs);
  try {
    // The socket stays open when a reader stops early: there is still an answer to write on it.
    for await (const chunk of incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      length += chunk.length;
      deadline.refresh();
      if (length > maxBytes) throw tooLarge();
      yield chunk;
    }
  } catch (error) {
    if (incoming.readableAborted && !(error instanceof Refusal))
      throw new CallerGoneError("the caller hung up", { cause: error });
    throw error;
  } finally {
    clearTimeout(deadline);
  }
}
