import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import * as z from "zod";
import type { Dialect, NewId } from "./dialect.ts";
import { playRequest } from "./play.ts";
import { beginRecord, keyIn, recordModelRequest, recordPlayed } from "./recorded-request.ts";
import type { OpenRecord, RecordedRequest } from "./recorded-request.ts";
import { BodyError, readJson } from "./request-body.ts";
import { modelList, routeOf, tokenCount } from "./routes.ts";
import { sendJson, sendReply } from "./send-reply.ts";
import { STUB_LIMITS } from "./stub-limits.ts";

export interface ModelStubOptions {
  /** The only key that is let in; any other gets 401. Default: every request is let in. */
  readonly apiKey?: string;
  /** Makes the ids of answers and tool calls. Default: random ones. */
  readonly newId?: NewId;
}

/** A model server that listens on a free port of the loopback address until it is disposed of. */
export interface ModelStub extends AsyncDisposable {
  /** `http://127.0.0.1:40123`: the base of the Anthropic and the Gemini dialect. */
  readonly url: string;
  /** The base of the OpenAI dialect: `url` with `/v1`. */
  readonly openAiUrl: string;
  readonly port: number;
  /** Every request so far, the oldest first; of more than 1,000 the last ones. An open one changes as it is answered. */
  readonly requests: readonly RecordedRequest[];
}

/**
 * Starts a model that needs no model: it answers in the OpenAI Responses, Anthropic Messages and Gemini dialects what the
 * prompt asks for (`stubPrompt`), and records what it was sent. It keeps no state between requests.
 *
 *     await using stub = await startModelStub();
 */
export async function startModelStub({ apiKey, newId = randomUUID }: ModelStubOptions = {}): Promise<ModelStub> {
  const requests: OpenRecord[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    const record = beginRecord(request.method ?? "", url, request.headers);
    requests.push(record);
    if (requests.length > STUB_LIMITS["requests.kept"].value) requests.shift();
    response.once("close", () => {
      if (!response.writableFinished && record.outcome === "open") record.outcome = "aborted";
    });
    const exchange = { request, response, url, record, newId };
    const isLetIn = apiKey === undefined || keyIn(request.headers, url)?.key === apiKey;
    answer(exchange, isLetIn).catch((error: unknown) => fail(exchange, error));
  });
  // Agents that would rather speak over a WebSocket fall back to HTTP.
  server.on("upgrade", (_request, socket) => socket.end("HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\n\r\n"));
  const port = await listen(server);
  const url = `http://127.0.0.1:${port}`;
  return { url, openAiUrl: `${url}/v1`, port, requests, [Symbol.asyncDispose]: () => close(server) };
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly record: OpenRecord;
  readonly newId: NewId;
}

async function answer({ request, response, url, record, newId }: Exchange, isLetIn: boolean): Promise<void> {
  const route = routeOf(record.method, url.pathname, "anthropic-version" in request.headers);
  if (route.to === "nothing") {
    sendJson(response, record, 404, { error: { message: `there is nothing at ${record.method} ${url.pathname}` } });
    return;
  }
  const { dialect } = route;
  record.dialect = dialect.name;
  if (!isLetIn) return refuse(response, record, dialect, 401, "the key is not the one that this stub was started with");
  if (route.to === "model list") return sendJson(response, record, 200, modelList(dialect));

  try {
    record.body = await readJson(request);
    if (route.to === "token count") return sendJson(response, record, 200, tokenCount(dialect));
    const asked = dialect.readRequest(url.pathname, record.body);
    recordModelRequest(record, asked);
    const played = playRequest(dialect, asked);
    recordPlayed(record, played);
    await sendReply({ response, record, dialect, asked, reply: played.reply, newId });
  } catch (error) {
    const status = error instanceof BodyError ? error.status : 400;
    if (!(error instanceof BodyError || error instanceof z.ZodError)) throw error;
    record.problem = error.message;
    refuse(response, record, dialect, status, error.message);
  }
}

function refuse(response: ServerResponse, record: OpenRecord, dialect: Dialect, status: number, message: string): void {
  sendJson(response, record, status, dialect.refusalBody({ kind: "refusal", status, message, retryAfterS: undefined }));
}

/** A bug of the stub, or a client that went away while it sent its request. */
function fail({ request, response, record }: Exchange, error: unknown): void {
  if (request.destroyed || response.destroyed) return;
  record.problem = error instanceof Error ? (error.stack ?? error.message) : String(error);
  if (response.headersSent) response.destroy();
  else sendJson(response, record, 500, { error: { message: record.problem } });
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
  return (server.address() as AddressInfo).port;
}

/** Cuts what is still open: an agent that was killed may have left a stream. Closing twice is fine. */
async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
