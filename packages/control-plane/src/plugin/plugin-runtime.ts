import { LocalHub, MessageBus, type PluginAccess } from "@signalbox/messagebus";
import { BusBroker } from "@signalbox/messagebus/websocket";
import { accessOf, PluginRegistry, PluginRouter, usesBus, type PluginManifest } from "@signalbox/plugins";
import {
  limit,
  toTimestamp,
  type DispatchPluginRequest,
  type IdSource,
  type Plugin,
  type PluginAnswer,
  type PluginLogLine,
  type PluginProblem,
  type PluginRoute,
  type RoutePluginRequest,
} from "@signalbox/protocol";
import type { PluginRow, SignalboxStore } from "@signalbox/store";

import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { RequestContext } from "../request-context.ts";
import { PluginCredentials } from "./plugin-credentials.ts";
import { ControlPlaneError } from "../errors.ts";
import { PluginLinkServer, type ConnectionEnd } from "./plugin-link-server.ts";
import type { PluginProcesses } from "./plugin-processes.ts";
import { documentsOf, type LivePlugin } from "./plugin-view.ts";
import { readManifest } from "./read-manifest.ts";
import { toRefusal, toRoute } from "./route-view.ts";

/** What a `PluginRuntime` works with. */
export interface PluginRuntimeDeps {
  readonly store: SignalboxStore;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
}

/**
 * What of plugins lives only while the server does: the bus and its sockets, the processes that this server starts, the
 * breaker before each plugin. Whoever decides who may run tells it with `admit` and `withdraw`.
 */
export class PluginRuntime {
  /** The bus of whoever hosts the plugins: the only one that may publish `system/**` and `routing/**`. */
  readonly bus: MessageBus;
  readonly credentials: PluginCredentials;
  readonly link: PluginLinkServer;
  readonly registry: PluginRegistry;
  readonly #deps: PluginRuntimeDeps;
  readonly #hub = new LocalHub();
  readonly #router: PluginRouter;
  readonly #lastFailures = new Map<string, NonNullable<Plugin["lastFailure"]>>();
  #processes: PluginProcesses | undefined;

  constructor(deps: PluginRuntimeDeps) {
    const { store, clock, logger } = deps;
    this.#deps = deps;
    this.bus = new MessageBus({
      pluginId: "system",
      isSystem: true,
      transport: this.#hub,
      clock,
      onListenerError: ({ error, pattern }) => logger.error({ err: error, pattern }, "a listener of the bus failed"),
    });
    this.credentials = new PluginCredentials({ store, clock });
    const broker = new BusBroker({ hub: this.#hub, clock });
    this.link = new PluginLinkServer({
      clock,
      logger,
      credentials: this.credentials,
      broker,
      limits: this.#hub.limits,
      accessOf: (plugin) => this.accessOf(plugin),
      onChange: (plugin, end) => this.#connectionChanged(plugin, end),
    });
    this.registry = new PluginRegistry({ bus: this.bus, clock });
    this.#router = new PluginRouter({ registry: this.registry, bus: this.bus, clock });
  }

  /** What a plugin may do on the bus by the manifest that is stored; undefined for one that has no business there. */
  accessOf(plugin: PluginRow): PluginAccess | undefined {
    const manifest = this.#manifestOf(plugin);
    return manifest && usesBus(manifest) ? accessOf(manifest) : undefined;
  }

  /** Takes up what is approved already. */
  recover(rows: readonly PluginRow[]): void {
    for (const row of rows) if (row.state === "approved") this.admit(row);
  }

  /** From now on this server starts plugins. Until then those of its folder are only known. */
  adopt(processes: PluginProcesses): void {
    this.#processes = processes;
  }

  /** A plugin may run: it can be routed to, and is started where it lies in this server's folder. */
  admit(row: PluginRow): void {
    if (row.origin === "folder") return this.#processes?.start(row.name);
    const manifest = this.#manifestOf(row);
    if (manifest) this.registry.put(manifest, this.link.connectedAt(row.name) !== undefined);
  }

  /** A plugin may not run any more: nothing is routed to it, its connection ends with this call, its process soon. */
  withdraw(row: PluginRow): void {
    this.credentials.forgetProcess(row.org_id, row.name);
    this.link.disconnect(row.name, `the plugin is ${row.state}`);
    this.#processes?.withdraw(row.name);
    if (!this.isHosted(row.name)) this.registry.remove(row.name);
    this.#lastFailures.delete(row.name);
  }

  live(row: PluginRow): LivePlugin {
    const { name } = row;
    const process = row.origin === "folder" ? this.#processes?.vitals(name) : undefined;
    return {
      connectedAt: this.link.connectedAt(name),
      breaker: this.registry.breakerOf(name)?.getState() ?? "closed",
      process: process?.process,
      lastFailure: process?.lastFailure ?? this.#lastFailures.get(name),
    };
  }

  log({ name }: PluginRow): PluginLogLine[] {
    const lines = this.#processes?.log(name) ?? [];
    return lines.slice(-limit("plugin.logLines")).map(({ at, stream, text }) => ({ at, stream, text }));
  }

  problems(): readonly PluginProblem[] {
    return this.#processes?.problems ?? [];
  }

  /** Whether a plugin lies in this server's folder now. */
  isHosted(name: string): boolean {
    return this.#processes?.has(name) ?? false;
  }

  /** Begins to start a plugin's process; how that goes shows its state. */
  start({ name }: PluginRow): void {
    this.#processes?.start(name);
  }

  /** Resolves when the process of a plugin has ended. */
  async stop({ name }: PluginRow): Promise<void> {
    await this.#processes?.stop(name);
  }

  /** Where a request would go now, and why. */
  route(request: RoutePluginRequest): PluginRoute {
    try {
      return toRoute(this.#router.route({ ...request, requestId: this.#deps.ids.next("request") }));
    } catch (error) {
      throw toRefusal(error);
    }
  }

  /** Sends a request where it leads. Refuses when nobody can be asked, and when nobody answers in time. */
  async dispatch(
    { payload, timeoutMs, ...request }: DispatchPluginRequest,
    { principal, traceparent, requestId = this.#deps.ids.next("request") }: RequestContext,
  ): Promise<PluginAnswer> {
    const headers = { userId: principal.id, ...(traceparent === undefined ? {} : { traceparent }) };
    const giveUp = new AbortController();
    const expiry = new ControlPlaneError("PLUGIN_FAILED", `no plugin answered within ${timeoutMs} ms`, { requestId });
    const timer = this.#deps.clock.setTimer(timeoutMs, () => giveUp.abort(expiry));
    try {
      const { pluginId, response, route } = await this.#router.dispatch(
        { ...request, requestId },
        {
          payload,
          timeout: timeoutMs,
          headers,
          signal: giveUp.signal,
        },
      );
      return { requestId, plugin: pluginId, response, route: toRoute(route) };
    } catch (error) {
      throw toRefusal(error);
    } finally {
      timer.cancel();
    }
  }

  /** Ends connections, processes and the bus, in this order: a plugin that is told to stop knows why it is alone. */
  async close(): Promise<void> {
    await this.#processes?.[Symbol.asyncDispose]();
    this.link.stop();
    await this.bus.close();
    await this.#hub.close();
  }

  /** A plugin that runs elsewhere can be asked while it is connected. */
  #connectionChanged(plugin: PluginRow, end: ConnectionEnd | undefined): void {
    if (end && !end.isQuiet)
      this.#lastFailures.set(plugin.name, {
        message: `its connection was closed: ${end.reason || `code ${end.code}`}`,
        at: toTimestamp(this.#deps.clock.now()),
      });
    const manifest = this.registry.manifestOf(plugin.name);
    if (plugin.origin === "elsewhere" && manifest) this.registry.put(manifest, end === undefined);
  }

  /** What was registered by an older version may be refused by this one; such a plugin can do nothing. */
  #manifestOf(row: PluginRow): PluginManifest | undefined {
    try {
      return readManifest(documentsOf(row)).manifest;
    } catch (error) {
      if (!(error instanceof ControlPlaneError)) throw error;
      this.#deps.logger.warn({ plugin: row.name, reason: error.message }, "the manifest of a plugin cannot be used");
      return undefined;
    }
  }
}
