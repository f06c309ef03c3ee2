import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { ModelRequest } from "./conversation.ts";
import type { Dialect, NewId } from "./dialect.ts";
import type { OpenRecord } from "./recorded-request.ts";
import type { Answer, Refusal, Reply } from "./reply.ts";

export interface Sending {
  readonly response: ServerResponse;
  readonly record: OpenRecord;
  readonly dialect: Dialect;
  readonly asked: ModelRequest;
  readonly reply: Reply;
  readonly newId: NewId;
}

/** Sends what was decided, and writes down what became of it. Resolves early when the agent closes the connection. */
export async function sendReply({ reply, ...sending }: Sending): Promise<void> {
  const { response, record, dialect, asked, newId } = sending;
  switch (reply.kind) {
    case "silence":
      return;
    case "refusal":
      return sendRefusal(response, record, dialect, reply);
    case "answer":
      if (asked.isStreaming) return sendStream(sending, reply);
      sendJson(response, record, 200, dialect.body(reply, asked.model, newId));
  }
}

/** Sends a JSON body; a status of an error makes the request a refused one. */
export function sendJson(
  response: ServerResponse,
  record: OpenRecord,
  status: number,
  body: unknown,
  headers = {},
): void {
  record.status = status;
  record.outcome = status < 400 ? "answered" : "refused";
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

function sendRefusal(response: ServerResponse, record: OpenRecord, dialect: Dialect, refusal: Refusal): void {
  const { retryAfterS } = refusal;
  const headers = retryAfterS === undefined ? {} : { "retry-after": String(retryAfterS) };
  sendJson(response, record, refusal.status, dialect.refusalBody(refusal), headers);
}

async function sendStream(
  { response, record, dialect, asked, newId }: Omit<Sending, "reply">,
  answer: Answer,
): Promise<void> {
  const closed = new AbortController();
  response.once("close", () => closed.abort());
  record.status = 200;
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  let pieces = 0;
  for (const { text, isPiece } of dialect.frames(answer, asked.model, newId)) {
    if (isPiece) {
      if (pieces === answer.cutAfter) return cut(response, record);
      if (pieces > 0) await pause(answer.intervalMs, closed.signal);
      pieces++;
    }
    if (response.destroyed) return;
    if (!response.write(text)) await drained(response, closed.signal);
  }
  record.outcome = "answered";
  response.end();
}

/** In the middle of the stream, without the last chunk that ends it in good order. */
function cut(response: ServerResponse, record: OpenRecord): void {
  record.outcome = "cut";
  response.destroy();
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await unlessAborted(sleep(ms, undefined, { signal }), signal);
}

async function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  await unlessAborted(once(response, "drain", { signal }), signal);
}

async function unlessAborted(waiting: Promise<unknown>, signal: AbortSignal): Promise<void> {
  try {
    await waiting;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
