import { randomBytes, timingSafeEqual } from "node:crypto";
import {
  Agent as HttpAgent,
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";

import type { ModelEndpoint } from "@signalbox/agents";
import { limit } from "@signalbox/protocol";

/** Where an agent reaches its model as long as its session lasts. */
export interface ModelGateway extends AsyncDisposable {
  /** On this machine, with a key that is good for nothing else. */
  readonly endpoint: ModelEndpoint;
}

/** Longer than clients keep a connection that they do not use: whoever reuses one must not find it just closed. */
const KEEP_ALIVE_MS = 90_000;

/**
 * Stands between an agent and its model: it has the key of the model's endpoint, the agent only one of its own, made here and
 * forgotten with the session. Whatever the agent runs, reads or prints, the owner's key is not in it. Requests below the path
 * of the endpoint are passed on with the key in the place where the agent's was, in whichever dialect; answers come back as they
 * are, as they come. What carries another key is answered 401, what is for another path 404, what the endpoint does not answer 502.
 */
export async function openModelGateway(upstream: ModelEndpoint): Promise<ModelGateway> {
  const base = new URL(upstream.baseUrl);
  const key = randomBytes(32).toString("base64url");
  const isSecure = base.protocol === "https:";
  const agent = new (isSecure ? HttpsAgent : HttpAgent)({ keepAlive: true });
  const route: Route = { base, key, upstreamKey: upstream.apiKey, send: isSecure ? httpsRequest : httpRequest, agent };
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0 }, (request, response) => {
    void passOn(request, response, route);
  });
  // Each has a buffer or two here; what one agent does is not to become the runner's memory.
  server.maxConnections = limit("session.modelConnections");
  // Agents that would rather speak over a WebSocket fall back to HTTP.
  server.on("upgrade", (_request, socket) => socket.end("HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\n\r\n"));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: { baseUrl: `http://127.0.0.1:${port}${base.pathname.replace(/\/$/, "")}`, apiKey: key },
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      agent.destroy();
      await closed;
    },
  };
}

interface Route {
  readonly base: URL;
  readonly key: string;
  readonly upstreamKey: string;
  readonly send: typeof httpRequest | typeof httpsRequest;
  readonly agent: HttpAgent;
}

async function passOn(request: IncomingMessage, response: ServerResponse, route: Route): Promise<void> {
  const target = targetOf(request.url ?? "/", route.base);
  if (!target) return refuse(response, 404, "not_found_error", "this is not below the path of the model's endpoint");
  const headers = withoutHops(request.headers);
  if (!exchangeKey(headers, target, route)) {
    return refuse(response, 401, "authentication_error", "this is not the key of the session's agent");
  }
  headers["host"] = route.base.host;
  const { method } = request;
  const sent = route.send(target, { ...(method && { method }), headers, agent: route.agent });
  // An agent that has gone wants no answer, and nobody is to pay for it.
  response.once("close", () => sent.destroy());
  const answered = new Promise<IncomingMessage>((resolve, reject) => sent.on("response", resolve).on("error", reject));
  // It may answer before it has read all; what goes wrong here goes wrong there too.
  pipeline(request, sent).catch(() => undefined);
  try {
    const answer = await answered;
    response.writeHead(answer.statusCode ?? 502, withoutHops(answer.headers));
    await pipeline(answer, response);
  } catch (error) {
    if (response.headersSent || response.destroyed) response.destroy();
    else refuse(response, 502, "api_error", `the model's endpoint did not answer: ${codeOf(error)}`);
  }
}

/** What of the endpoint a request is for; undefined for anything that is not below the endpoint's path. */
function targetOf(path: string, base: URL): URL | undefined {
  if (!path.startsWith("/") || path.startsWith("//")) return undefined;
  const target = URL.parse(path, base.origin);
  const prefix = base.pathname.replace(/\/$/, "");
  return target && (target.pathname === prefix || target.pathname.startsWith(`${prefix}/`)) ? target : undefined;
}

const KEY_HEADERS = ["authorization", "x-api-key", "x-goog-api-key"] as const;

/** Puts the endpoint's key wherever the agent's is; false when that is nowhere. Another key is never passed on. */
function exchangeKey(headers: IncomingHttpHeaders, target: URL, { key, upstreamKey }: Route): boolean {
  let isKnown = false;
  for (const name of KEY_HEADERS) {
    const [, scheme = "", given] = /^(Bearer )?(.*)$/is.exec(String(headers[name] ?? "")) ?? [];
    if (!given) continue;
    if (!isSame(given, key)) return false;
    headers[name] = `${scheme}${upstreamKey}`;
    isKnown = true;
  }
  const given = target.searchParams.get("key");
  if (given !== null) {
    if (!isSame(given, key)) return false;
    target.searchParams.set("key", upstreamKey);
    isKnown = true;
  }
  return isKnown;
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** RFC 9110, 7.6.1: what holds for one connection only is not passed on. */
const HOPS = ["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "upgrade"];

function withoutHops(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const named = String(headers.connection ?? "")
    .split(",")
    .map((name) => name.trim().toLowerCase());
  const dropped = new Set([...HOPS, "transfer-encoding", ...named]);
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !dropped.has(name)));
}

function refuse(response: ServerResponse, status: number, type: string, message: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ type: "error", error: { type, message } }));
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
