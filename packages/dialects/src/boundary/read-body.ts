import type { IncomingMessage } from "node:http";

import { limit } from "@signalbox/protocol";

import { Refusal } from "../refusal.ts";

/** The caller hung up before its request was complete: there is nobody left to answer. */
export class CallerGoneError extends Error {
  override readonly name = "CallerGoneError";
}

/**
 * The bytes of a request's body; counted as they come, and refused with BODY_TOO_LARGE beyond `maxBytes`. A caller that
 * takes longer than `withinMs` to send them is cut off.
 */
export async function readBody(
  incoming: IncomingMessage,
  maxBytes: number,
  withinMs: number = limit("http.requestMs"),
): Promise<Buffer> {
  if (Number(incoming.headers["content-length"] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  return await new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const deadline = setTimeout(() => incoming.destroy(), withinMs);
    const settle = (act: () => void): void => {
      clearTimeout(deadline);
      incoming.off("data", onData).off("end", onEnd).off("error", onGone).off("close", onGone);
      act();
    };
    const onData = (chunk: Buffer): void => {
      length += chunk.length;
      chunks.push(chunk);
      if (length > maxBytes) settle(() => (incoming.pause(), reject(tooLarge(maxBytes))));
    };
    const onEnd = (): void =>
      settle(() => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)));
    const onGone = (): void => settle(() => reject(new CallerGoneError("the caller hung up")));
    incoming.on("data", onData).on("end", onEnd).on("error", onGone).on("close", onGone);
  });
}

/** Whether a request announces a body, be it of no bytes. */
export function announcesBody(incoming: IncomingMessage): boolean {
  const length = incoming.headers["content-length"];
  return incoming.headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0");
}

/** Refuses a body that does not call itself JSON: a page of another origin can send any other kind unasked. */
export function requireJson(incoming: IncomingMessage): void {
  const type = incoming.headers["content-type"];
  if (type === "application/json") return;
  if (type !== undefined && /^application\/json[ \t]*(?:;[ \t]*charset="?utf-8"?[ \t]*)?$/i.test(type)) return;
  throw new Refusal("UNSUPPORTED_MEDIA_TYPE", "the body must come with Content-Type: application/json");
}

function tooLarge(maxBytes: number): Refusal {
  // What is left of the body will not be read, so the connection cannot be used again.
  return new Refusal(
    "BODY_TOO_LARGE",
    `the body is larger than ${maxBytes} bytes`,
    { maxBytes },
    { Connection: "close" },
  );
}
