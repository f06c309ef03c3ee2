import {
  ApprovePluginRequestSchema,
  CreatePluginTokenRequestSchema,
  DEFAULT_ORG,
  DispatchPluginRequestSchema,
  limit,
  RegisterPluginRequestSchema,
  RevokePluginRequestSchema,
  RoutePluginRequestSchema,
  toTimestamp,
  type ApiResponse,
  type ApprovePluginRequest,
  type CreatePluginTokenRequest,
  type DispatchPluginInput,
  type IdSource,
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
import { readPlugin, readPlugins, type PluginRow, type RegisteredPlugin, type SignalboxStore } from "@signalbox/store";
import { EventEmitter } from "eventemitter3";

import { newSecretToken } from "../access/secret-token.ts";
import { answer, check } from "../answer.ts";
import type { Clock } from "../clock.ts";
import { ControlPlaneError, NotFoundError } from "../errors.ts";
import { actorOf, idempotencyOf, LOCAL_CONTEXT, requireScope, type RequestContext } from "../request-context.ts";
import type { PluginRuntime } from "./plugin-runtime.ts";
import { documentsOf, spellDocuments, toAccess, toPlugin } from "./plugin-view.ts";
import { readManifest } from "./read-manifest.ts";

/** What a `PluginHandler` works with. */
export interface PluginHandlerDeps {
  readonly store: SignalboxStore;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** What runs, what is connected, and the way to it. */
  readonly runtime: PluginRuntime;
}

/** What has happened to plugins. */
export interface PluginHandlerEvents {
  /** A plugin became known. */
  plugin_registered: (event: PluginEvent) => void;
  /** A plugin came with another manifest; it waits for approval. */
  plugin_changed: (event: PluginEvent) => void;
  /** Somebody let a plugin run with its manifest. */
  plugin_approved: (event: PluginEvent) => void;
  /** Somebody took a plugin's approval away. */
  plugin_revoked: (event: PluginEvent) => void;
}

/** A plugin as it was when something had happened to it. */
export interface PluginEvent {
  readonly plugin: Plugin;
  readonly timestamp: string;
}

/** Plugins: which there are, which manifest of each may run, and requests that are routed to them. */
export class PluginHandler extends EventEmitter<PluginHandlerEvents> {
  readonly #deps: PluginHandlerDeps;

  constructor(deps: PluginHandlerDeps) {
    super();
    this.#deps = deps;
  }

  /** Every plugin by name, and what in the server's plugins folder is none. */
  async listPlugins(context: RequestContext = LOCAL_CONTEXT): Promise<ApiResponse<PluginList>> {
    return answer(async () => {
      requireScope(context, "plugins:read");
      const { orgId } = context.principal;
      const rows = await this.#deps.store.view(() => readPlugins(orgId));
      const problems = orgId === DEFAULT_ORG ? this.#deps.runtime.problems() : [];
      return { items: rows.map((row) => this.#view(row)), problems: [...problems] };
    });
  }

  /** A plugin with its manifest, what that lets it do, and what its process wrote last. */
  async getPlugin(name: string, context: RequestContext = LOCAL_CONTEXT): Promise<ApiResponse<PluginDetails>> {
    return answer(async () => {
      requireScope(context, "plugins:read");
      const row = await this.#require(name, context);
      const access = toAccess(this.#deps.runtime.accessOf(row));
      return { ...this.#view(row), ...documentsOf(row), access, log: this.#deps.runtime.log(row) };
    });
  }

  /** Makes a plugin known that runs elsewhere. With another manifest than before it waits for approval again. */
  async registerPlugin(
    request: RegisterPluginRequest,
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<Plugin>> {
    return answer(async () => {
      requireScope(context, "plugins:write");
      requireDefaultOrg(context);
      const documents = check(RegisterPluginRequestSchema, request);
      const { manifest, manifestHash } = readManifest(documents);
      this.#refuseHosted(manifest.name, "register it");
      const now = this.#deps.clock.now();
      const registered = await this.#deps.store.run("registerPlugin", {
        id: this.#deps.ids.next("plugin"),
        orgId: context.principal.orgId,
        name: manifest.name,
        version: manifest.version,
        origin: "elsewhere",
        manifest: spellDocuments(documents),
        manifestHash,
        maxPlugins: limit("plugins.perOrg"),
        now,
        actor: actorOf(context),
        idempotency: idempotencyOf(context, now, limit("idempotency.ttlMs")),
      });
      if (!registered.isRepeated) this.take(registered);
      return this.#view(registered.row);
    });
  }

  /** Lets a plugin run with exactly the manifest of a hash; one of the plugins folder is started. */
  async approvePlugin(
    name: string,
    request: ApprovePluginRequest,
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<Plugin>> {
    return answer(async () => {
      requireScope(context, "plugins:approve");
      const { manifestHash } = check(ApprovePluginRequestSchema, request);
      const row = await this.#deps.store.run("approvePlugin", { ...this.#decision(name, context), manifestHash });
      if (row.isRepeated) return this.#view(row);
      this.#deps.runtime.admit(row);
      return this.#emit("plugin_approved", row);
    });
  }

  /** Takes a plugin's approval and tokens away. When this resolves its connection is closed and its process told to end. */
  async revokePlugin(
    name: string,
    request: RevokePluginRequest = {},
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<Plugin>> {
    return answer(async () => {
      requireScope(context, "plugins:approve");
      const { reason } = check(RevokePluginRequestSchema, request);
      const row = await this.#deps.store.run("revokePlugin", { ...this.#decision(name, context), reason });
      if (row.isRepeated) return this.#view(row);
      this.#deps.runtime.withdraw(row);
      return this.#emit("plugin_revoked", row);
    });
  }

  /** Starts the process of an approved plugin; whether it comes up shows its state. */
  async startPlugin(name: string, context: RequestContext = LOCAL_CONTEXT): Promise<ApiResponse<Plugin>> {
    return answer(async () => {
      const row = await this.#requireHosted(name, "start", context);
      this.#deps.runtime.start(row);
      return this.#view(row);
    });
  }

  /** Ends the process of a plugin, and resolves when it has ended. */
  async stopPlugin(name: string, context: RequestContext = LOCAL_CONTEXT): Promise<ApiResponse<Plugin>> {
    return answer(async () => {
      const row = await this.#requireHosted(name, "stop", context);
      await this.#deps.runtime.stop(row);
      return this.#view(row);
    });
  }

  /** Ends the process of a plugin and starts it anew. */
  async restartPlugin(name: string, context: RequestContext = LOCAL_CONTEXT): Promise<ApiResponse<Plugin>> {
    return answer(async () => {
      const row = await this.#requireHosted(name, "restart", context);
      await this.#deps.runtime.stop(row);
      this.#deps.runtime.start(row);
      return this.#view(row);
    });
  }

  /** The last lines that a plugin's process wrote. */
  async readLog(name: string, context: RequestContext = LOCAL_CONTEXT): Promise<ApiResponse<PluginLog>> {
    return answer(async () => {
      requireScope(context, "plugins:read");
      const row = await this.#require(name, context);
      return { plugin: row.name, lines: this.#deps.runtime.log(row) };
    });
  }

  /** A token with which an approved plugin connects from elsewhere. It is told this once; the store has its hash. */
  async createToken(
    name: string,
    request: CreatePluginTokenRequest = {},
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<PluginToken>> {
    return answer(async () => {
      requireScope(context, "plugins:approve");
      const { expiresInMs } = check(CreatePluginTokenRequestSchema, request);
      const { id, text, hash } = newSecretToken("sbp");
      const now = this.#deps.clock.now();
      const expiresAt = expiresInMs === undefined ? null : now + expiresInMs;
      await this.#deps.store.run("createPluginToken", {
        id,
        orgId: context.principal.orgId,
        name,
        hash: hash.toString("hex"),
        expiresAt,
        now,
        actor: actorOf(context),
      });
      return { id, plugin: name, token: text, ...(expiresAt === null ? {} : { expiresAt: toTimestamp(expiresAt) }) };
    });
  }

  /** Which plugin a request would go to, and why. Nothing is sent. */
  async routeRequest(
    request: RoutePluginRequest,
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<PluginRoute>> {
    return answer(async () => {
      requireScope(context, "plugins:read");
      requireDefaultOrg(context);
      return this.#deps.runtime.route(check(RoutePluginRequestSchema, request));
    });
  }

  /** Routes a request to the plugin that fits best, tells everybody so on `routing/decision`, and gives its answer. */
  async dispatchRequest(
    request: DispatchPluginInput,
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<PluginAnswer>> {
    return answer(async () => {
      requireScope(context, "plugins:call");
      requireDefaultOrg(context);
      return this.#deps.runtime.dispatch(check(DispatchPluginRequestSchema, request), context);
    });
  }

  /** Lets what a registration came to take its effect; also for who registers plugins without a caller. */
  take({ row, change }: RegisteredPlugin): void {
    if (change === "none") return;
    this.#deps.runtime.withdraw(row);
    this.#emit(change === "changed" ? "plugin_changed" : "plugin_registered", row);
  }

  #decision(name: string, context: RequestContext) {
    const now = this.#deps.clock.now();
    return {
      orgId: context.principal.orgId,
      name,
      now,
      actor: actorOf(context),
      idempotency: idempotencyOf(context, now, limit("idempotency.ttlMs")),
    };
  }

  async #require(name: string, context: RequestContext): Promise<PluginRow> {
    const row = await this.#deps.store.view(() => readPlugin(name, context.principal.orgId));
    if (!row) throw new NotFoundError("plugin", name);
    return row;
  }

  async #requireHosted(name: string, verb: "start" | "stop" | "restart", context: RequestContext): Promise<PluginRow> {
    requireScope(context, "plugins:write");
    const row = await this.#require(name, context);
    if (!this.#deps.runtime.isHosted(name))
      throw new ControlPlaneError("INVALID_STATE", `plugin ${name} does not run on this server; it cannot ${verb} it`);
    if (verb !== "stop" && row.state !== "approved")
      throw new ControlPlaneError("INVALID_STATE", `plugin ${name} is ${row.state}; approve it before you ${verb} it`, {
        state: row.state,
      });
    return row;
  }

  #refuseHosted(name: string, verb: string): void {
    if (!this.#deps.runtime.isHosted(name)) return;
    throw new ControlPlaneError(
      "INVALID_STATE",
      `plugin ${name} lies in the plugins folder of this server; nobody can ${verb} from elsewhere`,
    );
  }

  #view(row: PluginRow): Plugin {
    return toPlugin(row, this.#deps.runtime.live(row));
  }

  #emit(name: keyof PluginHandlerEvents, row: PluginRow): Plugin {
    const plugin = this.#view(row);
    this.emit(name, { plugin, timestamp: toTimestamp(this.#deps.clock.now()) });
    return plugin;
  }
}

/** The bus of a server is its default org's: what is on it can be heard by every plugin of it. */
function requireDefaultOrg(context: RequestContext): void {
  if (context.principal.orgId === DEFAULT_ORG) return;
  throw new ControlPlaneError("FORBIDDEN", `plugins are those of the org ${DEFAULT_ORG} on this server`);
}
