import {
  PluginError,
  PluginHost,
  processLauncher,
  type HostState,
  type LoadedPlugin,
  type LogLine,
  type PluginRegistry,
} from "@signalbox/plugins";
import type { MessageBus } from "@signalbox/messagebus";
import { limit, type Plugin, type PluginProblem } from "@signalbox/protocol";

import type { Clock, Timer } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { PluginDocuments } from "./plugin-view.ts";
import { issuesOf } from "./read-manifest.ts";

/** Where plugins lie, and what their processes are started with. */
export interface PluginFolderSettings {
  /** Each plugin lies in a folder of its own in this one. */
  readonly directory: string;
  /** Where the processes reach the bus: `ws://127.0.0.1:3000/api/v1/bus`. */
  readonly busUrl: string;
  /** The whole environment of every process; most need `PATH`. */
  readonly environment: Readonly<Record<string, string>>;
}

/** What `PluginProcesses` work with. */
export interface PluginProcessesDeps extends PluginFolderSettings {
  readonly bus: MessageBus;
  readonly registry: PluginRegistry;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Makes a token for the process of a plugin. */
  readonly issueCredential: (name: string) => string;
  /** The process that had a token has ended. */
  readonly forgetCredential: (name: string) => void;
  /** Notes with what a plugin lies in the folder; resolves when that is stored. */
  readonly register: (plugin: FolderPlugin) => Promise<void>;
  /** Whether somebody has approved exactly this manifest. */
  readonly isApproved: (name: string, manifestHash: string) => Promise<boolean>;
}

/** A plugin as it was found in the folder. */
export interface FolderPlugin {
  readonly name: string;
  readonly version: string;
  readonly manifestHash: string;
  readonly documents: PluginDocuments;
}

/** How the process of a plugin fares. */
export interface ProcessVitals {
  readonly process: NonNullable<Plugin["process"]>;
  readonly lastFailure: Plugin["lastFailure"];
}

/**
 * The plugins of a folder, as processes of this server: found, registered, started once they are approved, kept running.
 * The folder is read again and again; what has changed in it is another plugin, which nobody has approved.
 */
export class PluginProcesses implements AsyncDisposable {
  readonly #deps: PluginProcessesDeps;
  readonly #host: PluginHost;
  /** Registrations under way; no plugin is judged before they are stored. */
  #registering: Promise<void> = Promise.resolve();
  /** With which manifest each plugin was registered; what failed is not in it, and tried again. */
  readonly #registered = new Map<string, string>();
  #scan: Timer | undefined;
  #isClosed = false;

  constructor(deps: PluginProcessesDeps) {
    this.#deps = deps;
    const { bus, registry, clock, busUrl, environment, logger } = deps;
    const launcher = processLauncher({
      environment,
      issueCredential: async ({ pluginId }) => ({
        url: busUrl,
        token: deps.issueCredential(pluginId),
        revoke: () => deps.forgetCredential(pluginId),
      }),
    });
    this.#host = new PluginHost({
      bus,
      registry,
      clock,
      launcher,
      isApproved: async (name, manifestHash) => {
        await this.#registering;
        return deps.isApproved(name, manifestHash);
      },
    });
    this.#host.on("discovered", ({ plugin }) => this.#register(plugin));
    this.#host.on("started", ({ pluginId: plugin, pid }) => logger.info({ plugin, pid }, "plugin started"));
    this.#host.on("ready", ({ pluginId: plugin, tookMs }) => logger.info({ plugin, tookMs }, "plugin is ready"));
    this.#host.on("stopped", ({ pluginId: plugin }) => logger.info({ plugin }, "plugin stopped"));
    this.#host.on("unapproved", ({ pluginId: plugin, manifestHash }) =>
      logger.warn({ plugin, manifestHash }, "plugin may not run: nobody has approved its manifest"),
    );
    this.#host.on("failed", ({ pluginId: plugin, error, retryInMs }) =>
      logger.warn({ err: error, plugin, retryInMs }, "plugin failed"),
    );
  }

  /** Reads the folder for the first time, and begins to start what is approved. Rejects when it cannot be read. */
  async open(): Promise<void> {
    await this.#host.discover(this.#deps.directory);
    void this.#host.startAll();
    this.#scanLater();
  }

  /** What in the folder cannot be used. */
  get problems(): readonly PluginProblem[] {
    return this.#host.broken().map(({ folder, error }) => ({ folder, issues: issuesOf(error) }));
  }

  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  vitals(name: string): ProcessVitals | undefined {
    const status = this.#find(name);
    if (!status) return undefined;
    const { state, pid, startedAt, restarts, lastFailure } = status;
    return {
      process: {
        state: PROCESS_STATES[state],
        ...(pid === undefined ? {} : { pid }),
        ...(startedAt === undefined ? {} : { startedAt }),
        restarts,
      },
      lastFailure,
    };
  }

  log(name: string): readonly LogLine[] {
    return this.has(name) ? this.#host.logs(name) : [];
  }

  /** Begins to start a plugin; how that goes shows its state. */
  start(name: string): void {
    if (this.has(name)) this.#inBackground(this.#host.start(name));
  }

  /** Resolves when the process of a plugin has ended. */
  async stop(name: string): Promise<void> {
    if (this.has(name)) await this.#host.stop(name);
  }

  /** A plugin may not run any more: its process is told to end, and killed when it does not. */
  withdraw(name: string): void {
    if (!this.has(name)) return;
    // Told at once; that it may not run is asked for when it has ended.
    this.#inBackground(this.#host.stop(name).then(() => this.#host.review(name)));
  }

  /** Stops every process; resolves when all have ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#scan?.cancel();
    await this.#host[Symbol.asyncDispose]();
  }

  #find(name: string) {
    return this.#host.plugins().find(({ pluginId }) => pluginId === name);
  }

  #register({ manifest: { name, version }, manifestHash, documents }: LoadedPlugin): void {
    const { register, logger } = this.#deps;
    // What `loadManifest` has accepted are objects.
    const found = { name, version, manifestHash, documents: documents as PluginDocuments };
    this.#registering = this.#registering
      .then(() => register(found))
      .then(() => void this.#registered.set(name, manifestHash))
      .catch((error: unknown) => logger.error({ err: error, plugin: name }, "plugin could not be registered"));
  }

  #scanLater(): void {
    if (this.#isClosed) return;
    this.#scan = this.#deps.clock.setTimer(limit("plugins.scanMs"), () => {
      void this.#scanNow().finally(() => this.#scanLater());
    });
  }

  /** Whatever came to be approved and has not been started yet is; what somebody stopped stays so. */
  async #scanNow(): Promise<void> {
    try {
      const found = await this.#host.discover(this.#deps.directory);
      for (const plugin of found.plugins)
        if (this.#registered.get(plugin.manifest.name) !== plugin.manifestHash) this.#register(plugin);
      for (const { pluginId, state } of this.#host.plugins()) if (state === "approved") this.start(pluginId);
    } catch (error) {
      if (!this.#isClosed) this.#deps.logger.warn({ err: error }, "the plugins folder could not be read; trying again");
    }
  }

  /** A plugin that does not come up is a fact about it, which its state and log tell. */
  #inBackground(work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (!(error instanceof PluginError)) this.#deps.logger.error({ err: error }, "a plugin could not be started");
    });
  }
}

/** What is told of a process. Whether it may run is told of the plugin itself. */
const PROCESS_STATES: Readonly<Record<HostState, ProcessVitals["process"]["state"]>> = {
  discovered: "stopped",
  unapproved: "stopped",
  approved: "stopped",
  starting: "starting",
  running: "running",
  waiting: "waiting",
  stopping: "stopping",
  stopped: "stopped",
  failed: "failed",
};
