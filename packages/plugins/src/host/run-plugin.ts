import type { Clock } from "@signalbox/messagebus";
import type { LoadedPlugin } from "../manifest/load-manifest.ts";
import { firstOf } from "./first-of.ts";
import { PluginFailedError, PluginStuckError } from "./host-errors.ts";
import type { HostSettings } from "./host-settings.ts";
import type { LaunchedPlugin, PluginEnd, PluginLauncher } from "./launcher.ts";
import type { LogBuffer } from "./log-buffer.ts";

/** What one run of a plugin needs. */
export interface RunOptions {
  readonly plugin: LoadedPlugin;
  readonly launcher: PluginLauncher;
  readonly log: LogBuffer;
  readonly settings: HostSettings;
  readonly clock: Clock;
  /** Resolves when the plugin has said on the bus that it is ready. */
  readonly announced: Promise<void>;
  readonly onStarted: (launched: LaunchedPlugin) => void;
  readonly onReady: () => void;
  /** Ends the run. */
  readonly signal: AbortSignal;
}

/**
 * Starts a plugin and stays until it has ended, by itself or because the signal is aborted. Rejects with what went wrong when it
 * did not come up or ended by itself, and with a PluginStuckError when something of it is left that cannot be killed.
 */
export async function runPlugin(options: RunOptions): Promise<void> {
  const { plugin, launcher, log, onStarted, onReady, signal } = options;
  const launched = await launcher.launch(plugin, { log });
  onStarted(launched);
  let failure = await becomeReady(launched, options);
  if (failure === undefined && !signal.aborted) {
    onReady();
    failure = await outlast(launched, options);
  }
  await end(launched, options);
  if (failure !== undefined) throw failure;
}

async function becomeReady(launched: LaunchedPlugin, options: RunOptions): Promise<PluginFailedError | undefined> {
  const { plugin, settings, clock, announced, signal } = options;
  const { name } = plugin.manifest;
  const promises = { ended: launched.ended, ready: launched.ready ?? announced };
  const first = await firstOf(promises, { clock, timeoutMs: settings.readyMs, signal });
  if (first.kind === "ended") return endedError(name, "before it was ready", withHint(first.value));
  if (first.kind !== "timeout") return undefined;
  const what = launched.ready ? "was not ready" : `did not say on plugin/${name}/status that it is ready`;
  return new PluginFailedError(name, `${what} within ${settings.readyMs} ms`);
}

async function outlast(launched: LaunchedPlugin, options: RunOptions): Promise<PluginFailedError | undefined> {
  const { plugin, clock, signal } = options;
  const first = await firstOf({ ended: launched.ended }, { clock, signal });
  return first.kind === "ended" ? endedError(plugin.manifest.name, "by itself", first.value) : undefined;
}

function withHint({ how, error, hint }: PluginEnd): PluginEnd {
  return { how: hint === undefined ? how : `${how} (${hint})`, error };
}

function endedError(pluginId: string, when: string, { how, error }: PluginEnd): PluginFailedError {
  return new PluginFailedError(pluginId, `ended ${when}: ${how}`, { cause: error });
}

/** Asks, waits, kills: also what a plugin that ended by itself has left behind. */
async function end(launched: LaunchedPlugin, { plugin, log, settings, clock }: RunOptions): Promise<void> {
  const { ended } = launched;
  const { stopGraceMs, killMs } = settings;
  launched.stop();
  const polite = await firstOf({ ended }, { clock, timeoutMs: stopGraceMs });
  if (polite.kind === "timeout") log.add("host", `it did not stop within ${stopGraceMs} ms and is killed`);
  launched.kill();
  const forced = await firstOf({ ended }, { clock, timeoutMs: killMs });
  if (forced.kind === "timeout") throw new PluginStuckError(plugin.manifest.name, killMs);
}
