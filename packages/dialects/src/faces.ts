import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

import { refuse, SCOPES, type ApiError } from "@signalbox/protocol";
import { Hono } from "hono";

import { markChecked } from "./boundary/local-checks.ts";
import { readRequestId } from "./boundary/request-id.ts";
import { headersOf, statusOf } from "./refusal.ts";
import type { Face, Route } from "./route.ts";
import {
  answerHeaders,
  internalError,
  serveRoute,
  type Desk,
  type FaceContext,
  type NodeBindings,
} from "./serving/serve-route.ts";

/** All faces of a server on one app. */
export interface Faces {
  readonly app: Hono<{ Bindings: NodeBindings }>;
  /** Answers a request that must not reach the app, and says whether it has. */
  turnAway(incoming: IncomingMessage, outgoing: ServerResponse): boolean;
  /** The same for an upgrade. */
  turnAwayUpgrade(incoming: IncomingMessage, socket: Duplex): boolean;
}

const PERMISSIONS: ReadonlySet<unknown> = new Set([...SCOPES, "public", "runner"]);

/** Puts faces on one app. Throws when a route does not say who may use it, or two routes are the same. */
export function createFaces(faces: readonly Face[], desk: Desk): Faces {
  const app = new Hono<{ Bindings: NodeBindings }>();
  const seen = new Set<string>();
  for (const face of faces) {
    for (const route of face.routes) {
      const path = pathOf(face, route);
      requirePermission(route, path);
      if (seen.size === seen.add(`${route.method} ${path}`).size)
        throw new Error(`${route.method} ${path} is there twice`);
      app.on(route.method, path, serveRoute(face, route, desk));
    }
  }
  const strangers = new Strangers(app, faces, desk);
  app.notFound((c) => strangers.notFound(c as FaceContext));
  app.onError((error, c) => strangers.failed(error, c as FaceContext));
  return {
    app,
    turnAway: (incoming, outgoing) => strangers.turnAway(incoming, outgoing),
    turnAwayUpgrade: (incoming, socket) => strangers.turnAwayUpgrade(incoming, socket),
  };
}

/** The whole path of a route as Hono spells it. */
export function pathOf(face: Face, route: Route): string {
  return face.mount === "/" ? route.path : `${face.mount}${route.path}`;
}

function requirePermission({ permission }: Route, path: string): void {
  // The type demands it; a table that was put together at run time may still lack it.
  if (!PERMISSIONS.has(permission)) throw new Error(`the route ${path} does not say who may use it`);
}

/** Answers what no route answers. */
class Strangers {
  readonly #app: Hono<{ Bindings: NodeBindings }>;
  readonly #faces: readonly Face[];
  readonly #desk: Desk;

  constructor(app: Hono<{ Bindings: NodeBindings }>, faces: readonly Face[], desk: Desk) {
    this.#app = app;
    // The face with the longest mount path that fits speaks for a path.
    this.#faces = faces.toSorted((a, b) => b.mount.length - a.mount.length);
    this.#desk = desk;
  }

  notFound(c: FaceContext): Response {
    const refused = this.#desk.checks(c.env.incoming);
    if (refused) return this.#refuse(c.env.incoming, refused);
    const methods = ["GET", "POST", "PUT", "DELETE"].filter(
      (method) => this.#app.router.match(method, c.req.path)[0].length > 0,
    );
    if (methods.length === 0)
      return this.#refuse(c.env.incoming, { code: "NOT_FOUND", message: "there is nothing at this path" });
    const allowed = methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])).join(", ");
    return this.#refuse(
      c.env.incoming,
      { code: "METHOD_NOT_ALLOWED", message: `this path takes ${allowed}` },
      { Allow: allowed },
    );
  }

  failed(error: unknown, c: FaceContext): Response {
    const requestId = this.#requestId(c.env.incoming);
    this.#desk.observer.failed?.(error, requestId);
    return new Response(internalError(requestId), { status: 500, headers: answerHeaders(requestId) });
  }

  turnAway(incoming: IncomingMessage, outgoing: ServerResponse): boolean {
    const error = this.#desk.checks(incoming);
    if (!error) {
      markChecked(incoming);
      return false;
    }
    const { status, headers, text } = this.#spell(incoming, error);
    outgoing.writeHead(status, { ...headers, "Content-Length": Buffer.byteLength(text), Connection: "close" });
    outgoing.end(text);
    return true;
  }

  turnAwayUpgrade(incoming: IncomingMessage, socket: Duplex): boolean {
    const error = this.#desk.checks(incoming);
    if (!error) return false;
    const { status, headers, text } = this.#spell(incoming, error);
    const lines = Object.entries({ ...headers, "Content-Length": Buffer.byteLength(text), Connection: "close" });
    socket.end(
      `HTTP/1.1 ${status} ${error.code}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${text}`,
    );
    return true;
  }

  #refuse(incoming: IncomingMessage, error: ApiError, extra: Record<string, string> = {}): Response {
    const { status, headers, text } = this.#spell(incoming, error);
    return new Response(text, { status, headers: { ...headers, ...extra } });
  }

  #spell(
    incoming: IncomingMessage,
    error: ApiError,
  ): { status: number; headers: Record<string, string>; text: string } {
    const startMs = performance.now();
    const requestId = this.#requestId(incoming);
    const path = incoming.url ?? "";
    const face = this.#faces.find(({ mount }) => mount === "/" || path === mount || path.startsWith(`${mount}/`));
    const text = face?.voice.spell(refuse(error), { requestId, startMs }) ?? JSON.stringify({ error });
    const status = statusOf(error);
    const { method = "" } = incoming;
    this.#desk.observer.answered?.({ requestId, method, status, durationMs: 0, code: error.code });
    return { status, headers: { ...answerHeaders(requestId), ...headersOf(error) }, text };
  }

  #requestId(incoming: IncomingMessage): string {
    return readRequestId(incoming.headers["x-request-id"]) ?? this.#desk.ids.next("request");
  }
}
