import { pathToFileURL } from "node:url";
import { getMessageBus } from "@signalbox/messagebus";
import type { LoadedPlugin } from "../manifest/load-manifest.ts";
import { PluginFailedError } from "./host-errors.ts";
import type { LaunchContext, LaunchedPlugin, PluginEnd, PluginLauncher } from "./launcher.ts";

/** What an entry point has to export to be started in this process. */
interface Startable {
  start(): unknown;
  stop?(): unknown;
}

/**
 * Starts plugins within this process, for tests and for plugins that are trusted like the host itself: one of them can read
 * everything, hang everything and end everything. Their entry point exports one class with `start()` and `stop()`, as in the
 * guide; or an object or functions of these names. It is ready when `start()` has resolved.
 *
 * A module is loaded once in a process: what has changed in it takes effect with the next process.
 */
export function inProcessLauncher(): PluginLauncher {
  return { launch: (plugin, context) => launch(plugin, context) };
}

async function launch(plugin: LoadedPlugin, { log }: LaunchContext): Promise<LaunchedPlugin> {
  const pluginId = plugin.manifest.name;
  const instance = startableIn(await import(pathToFileURL(plugin.entryPoint).href), pluginId);
  const ready = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<PluginEnd>();
  let isStopping = false;
  // Its subscriptions and RPC methods end with it, whatever it forgets.
  const end = (end: PluginEnd): void => {
    void getMessageBus(pluginId).close();
    ended.resolve(end);
  };
  const stop = async (): Promise<void> => {
    if (isStopping) return;
    isStopping = true;
    try {
      await instance.stop?.();
      end({ how: "stopped" });
    } catch (error) {
      log.add("host", `stop() failed: ${messageOf(error)}`);
      end({ how: "stop() failed", error: asError(error) });
    }
  };
  try {
    void Promise.resolve(instance.start()).then(
      () => ready.resolve(),
      (error: unknown) => end({ how: `start() failed: ${messageOf(error)}`, error: asError(error) }),
    );
  } catch (error) {
    end({ how: `start() failed: ${messageOf(error)}`, error: asError(error) });
  }
  return {
    ended: ended.promise,
    ready: ready.promise,
    stop: () => void stop(),
    // Code cannot be killed; it is cut off from the bus.
    kill: () => end({ how: "cut off from the bus" }),
  };
}

/** The one thing with a `start` among the exports. A CommonJS module has its exports under `default`. */
function startableIn(module: Record<string, unknown>, pluginId: string): Startable {
  if (isStartable(module)) return module;
  const { default: main, ...named } = module;
  const candidates = [main, ...Object.values(named), ...(isPlain(main) ? Object.values(main) : [])];
  const startables = new Set(candidates.map(toStartable).filter((startable) => startable !== undefined));
  // Two names for one thing are one thing; of several, the default is meant.
  const only = toStartable(main) ?? (startables.size === 1 ? [...startables][0] : undefined);
  if (only !== undefined) return typeof only === "function" ? new only() : only;
  const what = startables.size === 0 ? "nothing" : "more than one thing";
  throw new PluginFailedError(pluginId, `exports ${what} with start() and stop() from its entry point`);
}

function toStartable(value: unknown): Startable | (new () => Startable) | undefined {
  if (isStartable(value)) return value;
  return isStartableClass(value) ? value : undefined;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object";
}

function isStartable(value: unknown): value is Startable {
  return isPlain(value) && typeof value["start"] === "function";
}

function isStartableClass(value: unknown): value is new () => Startable {
  return typeof value === "function" && isStartable(value.prototype);
}

function messageOf(error: unknown): string {
  return asError(error).message;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
