import type { LoadedPlugin } from "../manifest/load-manifest.ts";
import type { LogBuffer } from "./log-buffer.ts";

/** Starts plugins: as processes of their own, within this one, or in some other way. */
export interface PluginLauncher {
  /** Starts one. Rejects when it cannot be started at all; how it fares after that is told by what it resolves to. */
  launch(plugin: LoadedPlugin, context: LaunchContext): Promise<LaunchedPlugin>;
}

/** What a launcher is given beside the plugin. */
export interface LaunchContext {
  /** Where what the plugin writes goes. */
  readonly log: LogBuffer;
}

/** A plugin that was started. */
export interface LaunchedPlugin {
  /** Of its process; absent where it has none of its own. */
  readonly pid?: number | undefined;
  /** Resolves when it is over, also when nobody asked for that. Never rejects. */
  readonly ended: Promise<PluginEnd>;
  /** Resolves when it is ready. Absent: it is ready when it says so on `plugin/<name>/status`. Never rejects. */
  readonly ready?: Promise<void> | undefined;
  /** Asks it to end. Does nothing when it has. */
  stop(): void;
  /** Ends it, and everything that it started, without asking. Does nothing when it has ended. */
  kill(): void;
}

/** How a plugin ended, in words: `exit code 1`, `signal SIGKILL`. */
export interface PluginEnd {
  readonly how: string;
  readonly error?: Error | undefined;
  /** What may be the matter where it ended before it was ready. */
  readonly hint?: string | undefined;
}
