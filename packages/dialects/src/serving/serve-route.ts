import type { IncomingMessage, ServerResponse } from "node:http";

import type { RequestContext } from "@signalbox/control-plane";
import { limit, refuse, type ApiError, type IdSource } from "@signalbox/protocol";
import type { Context } from "hono";
import type * as z from "zod";

import type { Authentication, Caller, ConnectedRunner, StreamTicket } from "../boundary/authentication.ts";
import { readIdempotency } from "../boundary/idempotency.ts";
import { parseJsonBody } from "../boundary/json-body.ts";
import { wasChecked, type LocalChecks } from "../boundary/local-checks.ts";
import { announcesBody, CallerGoneError, readBody, requireJson } from "../boundary/read-body.ts";
import { readRequestId, readTraceparent } from "../boundary/request-id.ts";
import { EventStream, type ReaderSettings, type StreamEnd } from "../event-stream.ts";
import { headersOf, Refusal, statusOf } from "../refusal.ts";
import type { AnswerMeta, Call, Face, Reply, Route, RouteBody, Written } from "../route.ts";
import type { Observer, RequestSpan } from "./observer.ts";
import type { OpenStreams } from "./open-streams.ts";

/** What node-server hands to Hono. */
export interface NodeBindings {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}
export type FaceContext = Context<{ Bindings: NodeBindings }>;

/** What all routes of a server share. */
export interface Desk {
  readonly checks: LocalChecks;
  readonly authentication: Authentication;
  readonly streams: OpenStreams;
  readonly readers: ReaderSettings;
  readonly ids: IdSource;
  readonly observer: Observer;
  /** Whether the server takes no new work any more. */
  isStopping(): boolean;
}

/** A Response for what was written on the socket; a clone, since node-server tells its own class apart. */
const ALREADY_SENT = new Response(null, { headers: { "x-hono-already-sent": "true" } }).clone();
const NO_BYTES = Buffer.alloc(0);
const NO_BODY_LIMIT = limit("body.bytes");

/** One route as a Hono handler: who asks, what was sent, what is answered. Nothing before it has decided any of this. */
export function serveRoute(face: Face, route: Route, desk: Desk): (c: FaceContext) => Promise<Response> {
  const name = `${route.method} ${face.mount === "/" ? "" : face.mount}${route.path}`;
  return async (c) => {
    const exchange = new Exchange(c, face, route, name, desk);
    try {
      return exchange.respond(await exchange.run());
    } catch (error) {
      return exchange.refuse(error);
    }
  };
}

/** One request on its way through a route. */
class Exchange implements Call {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly requestId: string;
  readonly headers: Record<string, string>;
  readonly #c: FaceContext;
  readonly #face: Face;
  readonly #route: Route;
  readonly #name: string;
  readonly #desk: Desk;
  readonly #startMs = performance.now();
  readonly #span: RequestSpan | undefined;
  #caller: Caller = {};
  #context: RequestContext | undefined;
  #giveBackPlace: (() => void) | undefined;
  #end: StreamEnd | undefined;
  body: unknown;
  query: unknown;

  constructor(c: FaceContext, face: Face, route: Route, name: string, desk: Desk) {
    this.#c = c;
    this.#face = face;
    this.#route = route;
    this.#name = name;
    this.#desk = desk;
    this.incoming = c.env.incoming;
    this.outgoing = c.env.outgoing;
    this.requestId = readRequestId(this.incoming.headers["x-request-id"]) ?? desk.ids.next("request");
    this.headers = answerHeaders(this.requestId);
    this.#span = desk.observer.span?.(name, readTraceparent(this.incoming.headers["traceparent"]));
  }

  get context(): RequestContext {
    if (this.#context) return this.#context;
    throw new TypeError(`${this.#name} is open to everybody and has no principal`);
  }

  get runner(): ConnectedRunner {
    if (this.#caller.runner) return this.#caller.runner;
    throw new TypeError(`${this.#name} is not a route for runners`);
  }

  param(name: string): string {
    return this.#c.req.param(name) ?? "";
  }

  async run(): Promise<Reply> {
    const { incoming } = this;
    const route = this.#route;
    if (!wasChecked(incoming)) requireLocal(this.#desk.checks, incoming);
    const search = readSearch(incoming.url ?? "");
    const ticket = this.#takeTicket(search);
    this.#caller = await this.#desk.authentication.admit(incoming, route.permission, ticket);
    this.#refuseWhenStopping();
    if (route.isStream === true) this.#takePlace();
    this.query = readQuery(route, search);
    const bytes = route.body ? await this.#readBody(route.body) : NO_BYTES;
    this.#context = this.#contextFor(bytes);
    if (incoming.method === "HEAD" && route.isStream === true) return this.#headOnly();
    return await route.handle(this);
  }

  stream(): EventStream {
    const { streams, readers, authentication } = this.#desk;
    const { principal } = this.#caller;
    const stream = new EventStream({
      outgoing: this.outgoing,
      settings: readers,
      isStillGood: async () => principal === undefined || authentication.isStillGood(principal),
      onEnd: (end) => {
        this.#end = end;
        streams.remove(stream);
      },
    });
    streams.add(stream);
    return stream;
  }

  respond(reply: Reply): Response {
    if ("written" in reply) return this.#wasWritten(reply);
    if (!("success" in reply)) {
      this.#tell(reply.status);
      return reply;
    }
    if (!reply.success) return this.#answerRefusal(reply.error, {});
    const { status } = this.#route.answer;
    const text = this.#face.voice.spell(reply, this.#meta());
    this.#tell(status);
    return new Response(text, { status, headers: this.headers });
  }

  refuse(error: unknown): Response {
    if (error instanceof Refusal) return this.#answerRefusal(error.error, error.headers);
    if (error instanceof CallerGoneError) return this.#wasWritten({ written: 499 });
    this.#desk.observer.failed?.(error, this.requestId);
    if (this.outgoing.headersSent) {
      // Half an answer is out; cutting it off is the only way left to say that it is not whole.
      this.outgoing.destroy();
      return this.#wasWritten({ written: 500 });
    }
    this.#tell(500, "INTERNAL_ERROR");
    return new Response(internalError(this.requestId), { status: 500, headers: this.headers });
  }

  #answerRefusal(error: ApiError, extra: Readonly<Record<string, string>>): Response {
    const status = statusOf(error);
    const text = this.#face.voice.spell(refuse(error), this.#meta());
    this.#tell(status, error.code);
    return new Response(text, { status, headers: { ...this.headers, ...headersOf(error), ...extra } });
  }

  #wasWritten({ written }: Written): Response {
    this.#tell(written);
    return ALREADY_SENT;
  }

  #headOnly(): Response {
    const { contentType = "application/json" } = this.#route.answer;
    return new Response(null, { status: 200, headers: { ...this.headers, "Content-Type": contentType } });
  }

  #takeTicket(search: URLSearchParams | undefined): StreamTicket | undefined {
    const ticket = this.#route.isStream === true ? search?.get("ticket") : undefined;
    if (ticket === undefined || ticket === null) return undefined;
    search?.delete("ticket");
    return { ticket, runId: this.param("id") };
  }

  #refuseWhenStopping(): void {
    const isWork = this.#route.method !== "GET" || this.#route.isStream === true;
    if (!isWork || !this.#desk.isStopping()) return;
    throw new Refusal("SHUTTING_DOWN", "the server is stopping", undefined, { Connection: "close" });
  }

  #takePlace(): void {
    const { principal } = this.#caller;
    if (principal) this.#giveBackPlace = this.#desk.streams.take(principal.id);
  }

  async #readBody({ schema, required, checked, maxBytes }: RouteBody): Promise<Buffer> {
    const { incoming } = this;
    if (!required && !announcesBody(incoming) && incoming.headers["content-type"] === undefined) return NO_BYTES;
    requireJson(incoming);
    const bytes = await readBody(incoming, maxBytes ?? this.#bodyLimit());
    if (required || bytes.length > 0) this.body = parseJsonBody(bytes);
    if (checked === "here" && this.body !== undefined) this.body = check(schema, this.body);
    return bytes;
  }

  #bodyLimit(): number {
    return this.#route.permission === "public" ? limit("body.anonymousBytes") : NO_BODY_LIMIT;
  }

  #contextFor(bytes: Buffer): RequestContext | undefined {
    const { principal } = this.#caller;
    if (!principal) return undefined;
    const { requestId } = this;
    const traceparent = this.#span?.traceparent ?? readTraceparent(this.incoming.headers["traceparent"]);
    const base = traceparent === undefined ? { principal, requestId } : { principal, requestId, traceparent };
    if (this.#route.method !== "POST") return base;
    const idempotency = readIdempotency(this.incoming, bytes);
    if (!idempotency) return base;
    this.headers["Idempotency-Key"] = idempotency.key;
    return { ...base, idempotency };
  }

  #meta(): AnswerMeta {
    return { requestId: this.requestId, startMs: this.#startMs };
  }

  #tell(status: number, code?: string): void {
    this.#giveBackPlace?.();
    const { observer } = this.#desk;
    if (!observer.answered && !this.#span) return;
    const answered = {
      requestId: this.requestId,
      method: this.incoming.method ?? "",
      route: this.#name,
      status,
      durationMs: performance.now() - this.#startMs,
      code,
      principal: this.#caller.principal?.id,
      end: this.#end,
    };
    this.#span?.end(answered);
    observer.answered?.(answered);
  }
}

/** What every JSON answer carries. */
export function answerHeaders(requestId: string): Record<string, string> {
  return {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Request-Id": requestId,
  };
}

/** The body of an answer to a request that met a bug: nothing but where to look. */
export function internalError(requestId: string): string {
  const error = { code: "INTERNAL_ERROR", message: `something went wrong; the server's log has it under ${requestId}` };
  return JSON.stringify({ success: false, error, meta: { requestId } });
}

function readSearch(target: string): URLSearchParams | undefined {
  const query = target.indexOf("?");
  return query === -1 || query === target.length - 1 ? undefined : new URLSearchParams(target.slice(query + 1));
}

/** An app that is mounted without the listener that turns strangers away does so by itself. */
function requireLocal(checks: LocalChecks, incoming: IncomingMessage): void {
  const refused = checks(incoming);
  if (refused) throw new Refusal(refused.code, refused.message);
}

const NOTHING = {};

function readQuery(route: Route, search: URLSearchParams | undefined): unknown {
  if (!route.query) return NOTHING;
  if (!search) return check(route.query, NOTHING);
  const query = Object.fromEntries(search);
  if (Object.keys(query).length !== search.size)
    throw invalid([{ path: "query", message: "a parameter is given twice" }]);
  return check(route.query, query);
}

function check(schema: z.ZodType, value: unknown): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw invalid(result.error.issues.map(({ path, message }) => ({ path: path.join("."), message })));
}

function invalid(issues: readonly { path: string; message: string }[]): Refusal {
  const [first] = issues;
  return new Refusal("VALIDATION_ERROR", `${first?.path || "request"}: ${first?.message ?? "not valid"}`, { issues });
}
