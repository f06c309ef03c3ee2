import type { Clock } from "@signalbox/messagebus";
import { loadManifest } from "../manifest/load-manifest.ts";
import type { LoadedPlugin } from "../manifest/load-manifest.ts";
import { ManifestError } from "../manifest/manifest-error.ts";
import { MANIFEST_FILE } from "../manifest/manifest-files.ts";
import type { PluginRegistry } from "../registry/plugin-registry.ts";
import { pause } from "./first-of.ts";
import { PluginNotApprovedError, PluginStoppedError, PluginStuckError } from "./host-errors.ts";
import type { HostEvents } from "./host-events.ts";
import type { HostSettings } from "./host-settings.ts";
import { nextHostState } from "./host-states.ts";
import type { HostMove, HostState } from "./host-states.ts";
import type { PluginLauncher } from "./launcher.ts";
import type { Listeners } from "./listeners.ts";
import type { LogBuffer } from "./log-buffer.ts";
import { restartDelayMs } from "./restart-delay.ts";
import { runPlugin } from "./run-plugin.ts";

/** What a hosted plugin is made with. */
export interface HostedPluginOptions {
  readonly plugin: LoadedPlugin;
  readonly launcher: PluginLauncher;
  readonly isApproved: (pluginId: string, manifestHash: string) => boolean | Promise<boolean>;
  readonly registry: PluginRegistry;
  readonly listeners: Listeners<HostEvents>;
  readonly log: LogBuffer;
  readonly settings: HostSettings;
  readonly clock: Clock;
  readonly random: () => number;
}

/** How a plugin fares. */
export interface PluginVitals {
  /** Of its process, while it has one. */
  readonly pid?: number | undefined;
  /** When what runs now was started: ISO 8601 in UTC. */
  readonly startedAt?: string | undefined;
  /** How often it was started again after a crash, since somebody started it. */
  readonly restarts: number;
  readonly lastFailure?: { readonly message: string; readonly at: string } | undefined;
}

/** From `start` to the end of `stop`, however often the plugin crashes in between. */
interface Life {
  readonly controller: AbortController;
  /** Settled the first time that it is ready or fails. */
  readonly ready: PromiseWithResolvers<void>;
  readonly over: Promise<void>;
}

/** One plugin of a host: keeps it running from `start` to `stop`, and knows where it is in its life. */
export class HostedPlugin {
  readonly pluginId: string;
  readonly log: LogBuffer;
  readonly #options: HostedPluginOptions;
  #plugin: LoadedPlugin;
  #state: HostState = "discovered";
  #vitals: PluginVitals = { restarts: 0 };
  #life: Life | undefined;
  #announced = Promise.withResolvers<void>();

  constructor(options: HostedPluginOptions) {
    this.pluginId = options.plugin.manifest.name;
    this.log = options.log;
    this.#options = options;
    this.#plugin = options.plugin;
    this.#register();
  }

  /** What it runs with or, while it does not run, what was found last. */
  get plugin(): LoadedPlugin {
    return this.#plugin;
  }

  get state(): HostState {
    return this.#state;
  }

  get vitals(): PluginVitals {
    return this.#vitals;
  }

  /** Whether it is between `start` and the end of `stop`. */
  get isAlive(): boolean {
    return this.#life !== undefined;
  }

  /** The plugin has said that it is ready. */
  announce(): void {
    this.#announced.resolve();
  }

  /**
   * Asks again whether it may run; one that runs and may not any more is stopped. What was found in its folder meanwhile takes
   * effect when it is not running.
   */
  async review(found: LoadedPlugin = this.#plugin): Promise<void> {
    if (this.#life === undefined) this.#plugin = found;
    const { manifestHash } = this.#plugin;
    if (await this.#options.isApproved(this.pluginId, manifestHash)) {
      this.#moveIfCan("approve");
    } else {
      await this.stop();
      this.#refuse(manifestHash);
    }
    this.#register();
  }

  /** Resolves when it is ready; rejects with the first failure. One that is alive is not started again. */
  async start(): Promise<void> {
    // One that is being stopped is waited for.
    while (this.#life?.controller.signal.aborted) await this.#life.over;
    this.#life ??= this.#newLife();
    await this.#life.ready.promise;
  }

  /** Resolves when it has ended. */
  async stop(): Promise<void> {
    if (this.#life === undefined) return;
    if (this.#state === "starting" || this.#state === "running") this.#move("stop");
    this.#life.controller.abort();
    await this.#life.over;
  }

  #newLife(): Life {
    const controller = new AbortController();
    const ready = Promise.withResolvers<void>();
    // Whoever waits for it may have gone.
    ready.promise.catch(() => {});
    const over = this.#live(controller.signal, ready).finally(() => {
      this.#life = undefined;
      ready.reject(new PluginStoppedError(this.pluginId));
    });
    return { controller, ready, over };
  }

  async #live(signal: AbortSignal, ready: PromiseWithResolvers<void>): Promise<void> {
    let crashedAtMs: number[] = [];
    const { clock, settings } = this.#options;
    this.#vitals = { ...this.#vitals, restarts: 0 };
    while (!signal.aborted) {
      const failure = await this.#liveOnce(signal, ready).then(() => undefined, asError);
      if (failure === undefined || (signal.aborted && !(failure instanceof PluginStuckError))) break;
      // More of them than restarts are never asked for.
      crashedAtMs = [...crashedAtMs, clock.monotonic()].slice(-settings.restart.restarts - 1);
      const retryInMs = this.#retryInMs(failure, crashedAtMs);
      this.#fail(failure, retryInMs);
      ready.reject(failure);
      if (retryInMs === undefined) return;
      await pause(clock, retryInMs, signal);
      if (!signal.aborted) this.#vitals = { ...this.#vitals, restarts: this.#vitals.restarts + 1 };
    }
    this.#moveIfCan(this.#state === "stopping" ? "end" : "stop");
    if (this.#state === "stopped") this.#options.listeners.tell("stopped", { pluginId: this.pluginId });
  }

  async #liveOnce(signal: AbortSignal, ready: PromiseWithResolvers<void>): Promise<void> {
    const { launcher, settings, clock, listeners } = this.#options;
    await this.#admit();
    if (signal.aborted) return;
    const { pluginId } = this;
    const beganMs = clock.monotonic();
    this.#announced = Promise.withResolvers();
    this.#move("start");
    await runPlugin({
      plugin: this.#plugin,
      launcher,
      log: this.log,
      settings,
      clock,
      signal,
      announced: this.#announced.promise,
      onStarted: ({ pid }) => {
        this.#vitals = { ...this.#vitals, pid, startedAt: new Date(clock.now()).toISOString() };
        listeners.tell("started", { pluginId, pid });
      },
      onReady: () => {
        this.#move("ready");
        listeners.tell("ready", { pluginId, tookMs: clock.monotonic() - beganMs });
        ready.resolve();
      },
    }).finally(() => {
      this.#vitals = { ...this.#vitals, pid: undefined, startedAt: undefined };
    });
  }

  /** The folder may have changed since it was looked at last; only what is approved now is started. */
  async #admit(): Promise<void> {
    const plugin = await loadManifest(this.#plugin.folder);
    const { name } = plugin.manifest;
    if (name !== this.pluginId) {
      throw new ManifestError([
        { file: MANIFEST_FILE, path: "name", wanted: `"${this.pluginId}"`, found: `"${name}"` },
      ]);
    }
    this.#plugin = plugin;
    const isApproved = await this.#options.isApproved(this.pluginId, plugin.manifestHash);
    if (!isApproved) throw new PluginNotApprovedError(this.pluginId, plugin.manifestHash);
    this.#moveIfCan("approve");
  }

  /** What a new start cannot mend is not started again, nor what never came to its first start. */
  #retryInMs(failure: Error, crashedAtMs: readonly number[]): number | undefined {
    const isLasting =
      failure instanceof ManifestError ||
      failure instanceof PluginNotApprovedError ||
      failure instanceof PluginStuckError;
    if (isLasting || nextHostState(this.#state, "crash") === undefined) return undefined;
    const { settings, random } = this.#options;
    return restartDelayMs(crashedAtMs, settings.restart, random());
  }

  #fail(error: Error, retryInMs: number | undefined): void {
    if (error instanceof PluginNotApprovedError) return this.#refuse(error.manifestHash);
    const { clock, listeners } = this.#options;
    const lastFailure = { message: error.message, at: new Date(clock.now()).toISOString() };
    this.#vitals = { ...this.#vitals, lastFailure };
    const next = retryInMs === undefined ? "is not started again" : `is started again in ${Math.round(retryInMs)} ms`;
    this.log.add("host", `${error.message}; it ${next}`);
    this.#moveIfCan(retryInMs === undefined ? "fail" : "crash");
    listeners.tell("failed", { pluginId: this.pluginId, error, retryInMs });
  }

  #refuse(manifestHash: string): void {
    if (this.#state === "unapproved") return;
    this.#move("refuse");
    this.#options.listeners.tell("unapproved", { pluginId: this.pluginId, manifestHash });
  }

  #move(move: HostMove): void {
    const next = nextHostState(this.#state, move);
    if (next === undefined) throw new Error(`plugin ${this.pluginId} is ${this.#state}: that leaves no way to ${move}`);
    this.#state = next;
    this.#register();
  }

  #moveIfCan(move: HostMove): void {
    if (nextHostState(this.#state, move) !== undefined) this.#move(move);
  }

  #register(): void {
    this.#options.registry.put(this.#plugin.manifest, this.#state === "running");
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
