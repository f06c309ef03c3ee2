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
  const { response, record, dialect, asked } = sending;
  switch (reply.kind) {
    case "silence":
      return;
    case "refusal":
      return sendRefusal(response, record, dialect, reply);
    case "answer":
      if (asked.isStreaming) return sendStream(sending, reply);
      return sendWhole(sending, reply);
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

/** An agent that asks for no stream gets what a stream would have been, at its end. */
async function sendWhole(
  { response, record, dialect, asked, newId }: Omit<Sending, "reply">,
  answer: Answer,
): Promise<void> {
  if (answer.cutAfter !== undefined) return cut(response, record);
  await pause(answer.intervalMs * Math.max(answer.pieces.length - 1, 0), closeSignal(response));
  if (!response.destroyed) sendJson(response, record, 200, dialect.body(answer, asked.model, newId));
}

async function sendStream(
  { response, record, dialect, asked, newId }: Omit<Sending, "reply">,
  answer: Answer,
): Promise<void> {
  const closed = closeSignal(response);
  record.status = 200;
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  let pieces = 0;
  for (const { text, isPiece } of dialect.frames(answer, asked.model, newId)) {
    if (isPiece) {
      if (pieces === answer.cutAfter) return cut(response, record);
      if (pieces > 0) await pause(answer.intervalMs, closed);
      pieces++;
    }
    if (response.destroyed) return;
    await write(response, text, closed);
  }
  record.outcome = "answered";
  response.end();
}

/** Without the last chunk that ends an answer in good order. */
function cut(response: ServerResponse, record: OpenRecord): void {
  record.outcome = "cut";
  response.destroy();
}

function closeSignal(response: ServerResponse): AbortSignal {
  const closed = new AbortController();
  response.once("close", () => closed.abort());
  return closed.signal;
}

/** Resolves when the text has left: what is written can then be cut off without loss, and a slow reader holds the rest. */
async function write(response: ServerResponse, text: string, closed: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (): void => resolve();
  // A connection that has just closed may never call back.
  closed.addEventListener("abort", done);
  response.write(text, done);
  await promise;
  closed.removeEventListener("abort", done);
}

async function pause(ms: number, closed: AbortSignal): Promise<void> {
  if (ms === 0) return;
  try {
    await sleep(ms, undefined, { signal: closed });
  } catch (error) {
    if (!closed.aborted) throw error;
  }
}
