import {
  limit,
  PluginAnswerSchema,
  PluginDetailsSchema,
  PluginListSchema,
  PluginLogSchema,
  PluginRouteSchema,
  PluginSchema,
  PluginTokenSchema,
  type ApprovePluginRequest,
  type CreatePluginTokenRequest,
  type DispatchPluginInput,
  type Plugin,
  type PluginAnswer,
  type PluginDetails,
  type PluginList,
  type PluginLog,
  type PluginRoute,
  type PluginToken,
  type RegisterPluginRequest,
  type RevokePluginRequest,
  type RoutePluginRequest,
} from "@signalbox/protocol";
import type * as z from "zod";

import type { CallOptions, Requester } from "./request.ts";

/** For an answer to be on its way after the plugins' own time is up. */
const ON_THE_WAY_MS = 10_000;

/** Plugins: which there are, who may run, and requests that are routed to them. */
export class PluginsClient {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  /** Every plugin by name, and the folders of the server's plugins folder that are none. */
  list(options?: CallOptions): Promise<PluginList> {
    return this.#requester.json({ path: "/plugins", ...options }, PluginListSchema);
  }

  /** A plugin with its manifest, what that lets it do on the bus, and what its process wrote last. */
  get(name: string, options?: CallOptions): Promise<PluginDetails> {
    return this.#requester.json({ path: pathOf(name), ...options }, PluginDetailsSchema);
  }

  /** Makes a plugin known that runs elsewhere, or gives it another manifest, which somebody must approve anew. */
  register(request: RegisterPluginRequest, options?: CallOptions): Promise<Plugin> {
    return this.#requester.json({ method: "POST", path: "/plugins", body: request, ...options }, PluginSchema);
  }

  /** Lets a plugin run with the manifest of this hash: send that of what was shown. Another is CONTENT_CHANGED. */
  approve(name: string, request: ApprovePluginRequest, options?: CallOptions): Promise<Plugin> {
    return this.#post(name, "approve", request, PluginSchema, options);
  }

  /** Takes a plugin's approval and tokens away; its connection is closed at once. */
  revoke(name: string, request: RevokePluginRequest = {}, options?: CallOptions): Promise<Plugin> {
    return this.#post(name, "revoke", request, PluginSchema, options);
  }

  /** Starts an approved plugin of the server's plugins folder. */
  start(name: string, options?: CallOptions): Promise<Plugin> {
    return this.#post(name, "start", {}, PluginSchema, options);
  }

  /** Stops a plugin's process; it stays stopped until it is started, or the server is. */
  stop(name: string, options?: CallOptions): Promise<Plugin> {
    return this.#post(name, "stop", {}, PluginSchema, options);
  }

  restart(name: string, options?: CallOptions): Promise<Plugin> {
    return this.#post(name, "restart", {}, PluginSchema, options);
  }

  /** Makes a token with which an approved plugin connects from elsewhere. Its text is in this answer and nowhere else. */
  createToken(name: string, request: CreatePluginTokenRequest = {}, options?: CallOptions): Promise<PluginToken> {
    return this.#post(name, "tokens", request, PluginTokenSchema, options);
  }

  /** What its process wrote last; the newest line comes last. */
  logs(name: string, options?: CallOptions): Promise<PluginLog> {
    return this.#requester.json({ path: `${pathOf(name)}/logs`, ...options }, PluginLogSchema);
  }

  /** Which plugin a request would go to, and why. Nothing is sent. */
  route(request: RoutePluginRequest, options?: CallOptions): Promise<PluginRoute> {
    return this.#requester.json(
      { method: "POST", path: "/plugins/route", body: request, ...options },
      PluginRouteSchema,
    );
  }

  /**
   * Routes a request to the plugin that fits best and gives its answer. It is sent once: what a plugin has done is not
   * known when the line breaks, so nothing is tried again by itself.
   */
  dispatch(request: DispatchPluginInput, options?: CallOptions): Promise<PluginAnswer> {
    const { timeoutMs = limit("plugin.answerMs") } = request;
    return this.#requester.json(
      {
        method: "POST",
        path: "/plugins/dispatch",
        body: request,
        retries: 0,
        timeoutMs: timeoutMs + ON_THE_WAY_MS,
        ...options,
      },
      PluginAnswerSchema,
    );
  }

  #post<T>(name: string, verb: string, body: object, schema: z.ZodType<T>, options?: CallOptions): Promise<T> {
    return this.#requester.json({ method: "POST", path: `${pathOf(name)}/${verb}`, body, ...options }, schema);
  }
}

function pathOf(name: string): string {
  return `/plugins/${encodeURIComponent(name)}`;
}
