import { CircuitBreaker } from "@signalbox/circuit-breaker";
import type { Clock, MessageBus } from "@signalbox/messagebus";
import type { BreakerSettings, PluginManifest } from "../manifest/manifest.ts";
import { isFailureOfPlugin } from "../routing/plugin-failures.ts";
import type { RoutablePlugin } from "../routing/route-request.ts";

/** What a registry is made with. */
export interface PluginRegistryOptions {
  /** The bus of the host, on which breakers announce their changes. */
  readonly bus: MessageBus;
  /** Default: the machine's. */
  readonly clock?: Clock | undefined;
}

interface Entry {
  readonly manifest: PluginManifest;
  readonly isRunning: boolean;
  readonly breaker: CircuitBreaker | undefined;
}

/**
 * The plugins that a router can choose from, each with the breaker that stands before it. A `PluginHost` keeps the ones that it
 * starts up to date here; plugins that run elsewhere are put here by whoever knows of them.
 *
 * A breaker announces its changes on `plugin/<name>/circuit-breaker` with the source `system`: it tells how the plugin looks from
 * outside, beside what the plugin's own breaker tells.
 */
export class PluginRegistry {
  readonly #bus: MessageBus;
  readonly #clock: Clock | undefined;
  readonly #entries = new Map<string, Entry>();

  constructor({ bus, clock }: PluginRegistryOptions) {
    this.#bus = bus;
    this.#clock = clock;
  }

  /** Makes a plugin known, or what is known of it true again. Its breaker stays what it is unless the manifest has another. */
  put(manifest: PluginManifest, isRunning: boolean): void {
    const known = this.#entries.get(manifest.name);
    const settings = manifest.errorHandling.circuitBreaker;
    const isSame = known !== undefined && areSame(known.manifest.errorHandling.circuitBreaker, settings);
    const breaker = isSame ? known.breaker : this.#newBreaker(manifest.name, settings);
    this.#entries.set(manifest.name, { manifest, isRunning, breaker });
  }

  /** Forgets a plugin and its breaker. */
  remove(pluginId: string): void {
    this.#entries.delete(pluginId);
  }

  /** Everything that is known now, as the router takes it. */
  plugins(): RoutablePlugin[] {
    return [...this.#entries.values()].map(({ manifest, isRunning, breaker }) => ({
      manifest,
      isRunning,
      breaker: breaker?.getState(),
    }));
  }

  /** What is known of one. */
  manifestOf(pluginId: string): PluginManifest | undefined {
    return this.#entries.get(pluginId)?.manifest;
  }

  /** The breaker before a plugin; undefined where its manifest wants none, or the plugin is not known. */
  breakerOf(pluginId: string): CircuitBreaker | undefined {
    return this.#entries.get(pluginId)?.breaker;
  }

  #newBreaker(name: string, { enabled, ...settings }: BreakerSettings): CircuitBreaker | undefined {
    if (!enabled) return undefined;
    return new CircuitBreaker(name, {
      ...settings,
      bus: this.#bus,
      isFailure: isFailureOfPlugin,
      ...(this.#clock && { clock: this.#clock }),
    });
  }
}

function areSame(one: BreakerSettings, other: BreakerSettings): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
