import { systemClock } from "@signalbox/messagebus";
import type { Clock, Message, MessageBus, Subscription } from "@signalbox/messagebus";
import type { CircuitState } from "@signalbox/circuit-breaker";
import type { LoadedPlugin } from "../manifest/load-manifest.ts";
import { PluginRegistry } from "../registry/plugin-registry.ts";
import { findPlugins } from "./find-plugins.ts";
import type { BrokenPlugin, FoundPlugins } from "./find-plugins.ts";
import { HostClosedError, UnknownPluginError } from "./host-errors.ts";
import type { HostEvents } from "./host-events.ts";
import { toHostSettings } from "./host-settings.ts";
import type { HostSettings, HostSettingsInput } from "./host-settings.ts";
import type { HostState } from "./host-states.ts";
import { HostedPlugin } from "./hosted-plugin.ts";
import type { PluginVitals } from "./hosted-plugin.ts";
import { inGroups } from "./in-groups.ts";
import type { PluginLauncher } from "./launcher.ts";
import { Listeners } from "./listeners.ts";
import { LogBuffer } from "./log-buffer.ts";
import type { LogLine } from "./log-buffer.ts";
import { startOrder } from "./start-order.ts";

/** What a host is made with. */
export interface PluginHostOptions {
  /** The bus of the host (`getSystemBus()`), on which plugins say that they are ready. */
  readonly bus: MessageBus;
  readonly launcher: PluginLauncher;
  /** Whether a plugin may run with the manifest of this hash. Asked before every start, also after a crash. */
  readonly isApproved: (pluginId: string, manifestHash: string) => boolean | Promise<boolean>;
  /** Where the plugins are put for a router to find. Default: a registry of the host's own. */
  readonly registry?: PluginRegistry | undefined;
  readonly settings?: HostSettingsInput | undefined;
  /** Is handed every line that a plugin writes. */
  readonly onLog?: ((line: LogLine) => void) | undefined;
  /** Default: the machine's. */
  readonly clock?: Clock | undefined;
  /** In [0, 1), for the delays before restarts. Default Math.random. */
  readonly random?: (() => number) | undefined;
}

/** A plugin of a host, as it is now. */
export interface HostedPluginStatus extends PluginVitals {
  readonly pluginId: string;
  readonly state: HostState;
  /** What it runs with or, while it does not run, what was found last. */
  readonly plugin: LoadedPlugin;
  /** Of the breaker before it; absent where its manifest wants none. */
  readonly breaker?: CircuitState | undefined;
}

/** How one plugin fared in `startAll`; without an error it is ready. */
export interface StartResult {
  readonly pluginId: string;
  readonly error?: Error | undefined;
}

/**
 * Finds plugins, starts those that are approved, keeps them running, stops them. Which one runs what is its business; what may run
 * is told by `isApproved`. Disposing of it stops every plugin.
 */
export class PluginHost implements AsyncDisposable {
  readonly registry: PluginRegistry;
  readonly #options: PluginHostOptions;
  readonly #settings: HostSettings;
  readonly #clock: Clock;
  readonly #listeners = new Listeners<HostEvents>();
  readonly #plugins = new Map<string, HostedPlugin>();
  readonly #statuses: Subscription;
  #found: FoundPlugins = { plugins: [], broken: [] };
  #discovering: Promise<void> = Promise.resolve();
  #isClosed = false;

  /** Refuses settings that cannot be with a RangeError. */
  constructor(options: PluginHostOptions) {
    const { bus, clock = systemClock, registry = new PluginRegistry({ bus, clock }) } = options;
    this.registry = registry;
    this.#options = options;
    this.#settings = toHostSettings(options.settings);
    this.#clock = clock;
    this.#statuses = bus.subscribe("plugin/*/status", (message) => this.#heardStatus(message));
  }

  /** Calls `listener` with every event of a name from now on; the function that comes back ends that. */
  on<Name extends keyof HostEvents>(event: Name, listener: (payload: HostEvents[Name]) => unknown): () => void {
    return this.#listeners.on(event, listener);
  }

  /**
   * Reads a folder of plugins and makes what is new known; nothing is started. Plugins that are gone are forgotten unless they
   * run; what has changed takes effect at the next start. Rejects when the folder cannot be read, or `isApproved` rejects.
   */
  async discover(folder: string): Promise<FoundPlugins> {
    // One after the other: what one has found, another must not forget.
    const discovering = this.#discovering.then(() => this.#discover(folder));
    this.#discovering = discovering.then(
      () => {},
      () => {},
    );
    return await discovering;
  }

  /** Every plugin that is known, by name. */
  plugins(): HostedPluginStatus[] {
    const all = [...this.#plugins.values()].map((hosted) => this.#status(hosted));
    return all.toSorted((a, b) => (a.pluginId < b.pluginId ? -1 : 1));
  }

  /** The folders that `discover` could not use. */
  broken(): readonly BrokenPlugin[] {
    return this.#found.broken;
  }

  /** One plugin. Throws an UnknownPluginError. */
  plugin(pluginId: string): HostedPluginStatus {
    return this.#status(this.#get(pluginId));
  }

  /** The last lines that a plugin wrote, oldest first, and what the host has to say of it. Throws an UnknownPluginError. */
  logs(pluginId: string): readonly LogLine[] {
    return this.#get(pluginId).log.lines;
  }

  /**
   * Starts a plugin and keeps it running from now on. Resolves when it is ready, at once when it is already. Rejects with the first
   * failure: an UnknownPluginError, PluginNotApprovedError, ManifestError, PluginFailedError, or PluginStoppedError. After a
   * PluginFailedError the host goes on trying, within its restart policy, until `stop`.
   */
  async start(pluginId: string): Promise<void> {
    this.#checkOpen();
    await this.#get(pluginId).start();
  }

  /** Starts whatever is approved and not running: whoever is routed to first. Tells of each how it fared, and never rejects for one. */
  async startAll(): Promise<StartResult[]> {
    this.#checkOpen();
    const idle = [...this.#plugins.values()].filter(({ state, isAlive }) => !isAlive && state !== "unapproved");
    return await inGroups(this.#inOrder(idle), this.#settings.startingAtOnce, async (hosted) => {
      const error = await hosted.start().then(
        () => undefined,
        (reason: Error) => reason,
      );
      return { pluginId: hosted.pluginId, error };
    });
  }

  /** Stops a plugin: asks it to end, and after a grace kills it and everything that it started. Does nothing when it does not run. */
  async stop(pluginId: string): Promise<void> {
    await this.#get(pluginId).stop();
  }

  /** Stops every plugin: whoever is routed to last. */
  async stopAll(): Promise<void> {
    const alive = [...this.#plugins.values()].filter(({ isAlive }) => isAlive);
    await inGroups(this.#inOrder(alive).toReversed(), Infinity, (hosted) => hosted.stop());
  }

  /** Stops a plugin and starts it again; see `start`. */
  async restart(pluginId: string): Promise<void> {
    await this.stop(pluginId);
    await this.start(pluginId);
  }

  /** Asks `isApproved` again; a plugin that runs and may not any more is stopped. For whoever changes approvals. */
  async review(pluginId: string): Promise<void> {
    await this.#get(pluginId).review();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.stopAll();
    this.#statuses.unsubscribe();
  }

  async #discover(folder: string): Promise<FoundPlugins> {
    this.#checkOpen();
    const found = await findPlugins(folder);
    const old = this.#found;
    this.#found = found;
    for (const broken of found.broken) if (!old.broken.some(isLike(broken))) this.#listeners.tell("broken", broken);
    const names = new Set(found.plugins.map(({ manifest }) => manifest.name));
    for (const hosted of this.#plugins.values()) {
      if (!names.has(hosted.pluginId) && !hosted.isAlive) this.#forget(hosted);
    }
    for (const plugin of found.plugins) await this.#take(plugin, !old.plugins.some(isSame(plugin)));
    return found;
  }

  async #take(plugin: LoadedPlugin, isNews: boolean): Promise<void> {
    const { folder, manifestHash, manifest } = plugin;
    const pluginId = manifest.name;
    const hosted = this.#plugins.get(pluginId) ?? this.#newPlugin(plugin);
    if (isNews) this.#listeners.tell("discovered", { pluginId, folder, manifestHash, plugin });
    await hosted.review(plugin);
  }

  #newPlugin(plugin: LoadedPlugin): HostedPlugin {
    const { launcher, isApproved, onLog, random = Math.random } = this.#options;
    const clock = this.#clock;
    const log = new LogBuffer({ pluginId: plugin.manifest.name, now: () => clock.now(), onLine: onLog });
    const hosted = new HostedPlugin({
      plugin,
      launcher,
      isApproved,
      log,
      clock,
      random,
      registry: this.registry,
      listeners: this.#listeners,
      settings: this.#settings,
    });
    this.#plugins.set(hosted.pluginId, hosted);
    return hosted;
  }

  #forget({ pluginId }: HostedPlugin): void {
    this.#plugins.delete(pluginId);
    this.registry.remove(pluginId);
  }

  #get(pluginId: string): HostedPlugin {
    const hosted = this.#plugins.get(pluginId);
    if (hosted === undefined) throw new UnknownPluginError(pluginId);
    return hosted;
  }

  #status(hosted: HostedPlugin): HostedPluginStatus {
    const { pluginId, state, plugin, vitals } = hosted;
    return { ...vitals, pluginId, state, plugin, breaker: this.registry.breakerOf(pluginId)?.getState() };
  }

  /** Only its own word counts: the source is stamped by the bus. */
  #heardStatus({ source, topic, payload }: Message): void {
    const isReady = payload !== null && typeof payload === "object" && payload.status === "ready";
    if (isReady && topic === `plugin/${source}/status`) this.#plugins.get(source)?.announce();
  }

  #inOrder(plugins: readonly HostedPlugin[]): HostedPlugin[][] {
    const named = plugins.map((hosted) => {
      const { name, routing } = hosted.plugin.manifest;
      return { name, canRouteTo: routing.canRouteTo };
    });
    return startOrder(named).map((group) => group.map((name) => this.#get(name)));
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new HostClosedError();
  }
}

function isSame(plugin: LoadedPlugin): (other: LoadedPlugin) => boolean {
  return ({ folder, manifestHash }) => folder === plugin.folder && manifestHash === plugin.manifestHash;
}

function isLike(broken: BrokenPlugin): (other: BrokenPlugin) => boolean {
  return ({ folder, error }) => folder === broken.folder && error.message === broken.error.message;
}
