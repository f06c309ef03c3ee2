import type { BusLimits, ListenerFailure, MessageBus } from "../../src/index.ts";

/** Some plugins on one transport, each as far from the others as the transport allows. */
export interface BusWorld extends AsyncDisposable {
  /** The bus of a plugin that takes part and may do everything that plugins may. */
  join(pluginId: string): Promise<MessageBus>;
  /** The bus of the host of the plugins. */
  system(): Promise<MessageBus>;
  readonly limits: BusLimits;
  /** What handlers threw, on any bus. */
  readonly failures: readonly ListenerFailure[];
}

/** A world whose plugins are connected to something. */
export interface RemoteWorld extends BusWorld {
  /** Breaks the connection of a plugin, and keeps it broken. */
  cut(pluginId: string): Promise<void>;
  /** Lets the plugin connect again. */
  mend(pluginId: string): void;
}

/** A timeout that no test lives to see: whatever answers did so for another reason. */
export const NEVER_MS = 600_000;

/** How a test gets at the world of its own. */
export interface Worlds<World extends BusWorld = BusWorld> {
  readonly world: World;
  /** The buses of plugins, in the order of their ids. */
  join<Ids extends readonly string[]>(...ids: Ids): Promise<{ [Index in keyof Ids]: MessageBus }>;
}
