import type { IncomingMessage, ServerResponse } from "node:http";

import type { RequestContext } from "@signalbox/control-plane";
import type { ApiResponse, Scope } from "@signalbox/protocol";
import type * as z from "zod";

import type { ConnectedRunner } from "./boundary/authentication.ts";
import type { EventStream } from "./event-stream.ts";

/** What a caller must hold: a scope, a runner's connection token, or nothing. Every route says it; there is no default. */
export type Permission = Scope | "public" | "runner";

/** The JSON body of a route. The schema documents it; the handler that gets the body checks it. */
export interface RouteBody {
  readonly schema: z.ZodType;
  /** Whether a request without a body is refused; where it is not, an absent body is undefined. */
  readonly required: boolean;
  /** `here`: the face checks the body, since the handler takes none. Default: the handler does. */
  readonly checked?: "here" | "by the handler";
  readonly maxBytes?: number;
}

/** What a route answers when it succeeds. */
export interface RouteAnswer {
  readonly status: number;
  /** Of the JSON; where a face wraps its answers, of what it wraps. */
  readonly schema?: z.ZodType;
  /** True where a face that wraps its answers does not wrap this one. */
  readonly isBare?: boolean;
  /** Where it is not JSON. */
  readonly contentType?: string;
  /** Other successes that the route knows, each with its meaning: 204, 206, 304 … */
  readonly also?: Readonly<Record<number, string>>;
}

/** One endpoint of a face. */
export interface Route<Query = unknown> {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** As Hono spells it, below the mount path of the face: `/runs/:id`. */
  readonly path: string;
  readonly permission: Permission;
  /** One sentence for the document. */
  readonly summary: string;
  readonly query?: z.ZodType<Query>;
  readonly body?: RouteBody;
  readonly answer: RouteAnswer;
  /** Whether it holds its connection open to push: takes tickets, counts against the streams of its caller. */
  readonly isStream?: boolean;
  handle(call: Call<Query>): Promise<Reply> | Reply;
}

/** What a route gives back: what a handler answered, a Response of its own, or what it has written itself. */
export type Reply = ApiResponse<unknown> | Response | Written;

/** The route has answered on the socket by itself, with this status. */
export interface Written {
  readonly written: number;
}

/** One request, admitted and read. */
export interface Call<Query = unknown> {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly requestId: string;
  /** Who asks, for the handlers. */
  readonly context: RequestContext;
  readonly runner: ConnectedRunner;
  readonly body: unknown;
  readonly query: Query;
  /** Headers that every answer to this call carries. */
  readonly headers: Record<string, string>;
  /** A part of the path, decoded. */
  param(name: string): string;
  /** Begins an event stream; ended when the caller leaves, is too slow, loses its rights, or the server stops. */
  stream(): EventStream;
}

/** Describes a route; the query's type follows from its schema. */
export function route<Query>(definition: Route<Query>): Route {
  // A table holds routes with queries of many types; each is only ever called with what its own schema made.
  return definition as unknown as Route;
}

/** A product's HTTP face: a name, where it is mounted, its routes, and how it spells refusals. */
export interface Face {
  readonly name: string;
  /** `/` or a path without a slash at its end. */
  readonly mount: string;
  readonly routes: readonly Route[];
  readonly voice: Voice;
  /** How the document shows what the voice spells. Default: as the native face, `ApiResponse` around everything. */
  readonly documents?: { readonly refusal: z.ZodType };
}

/** How a face spells JSON answers. */
export interface Voice {
  /** The body for what a handler answered. */
  spell(answer: ApiResponse<unknown>, meta: AnswerMeta): string;
}

/** What is told with an answer. */
export interface AnswerMeta {
  readonly requestId: string;
  readonly startMs: number;
}
