import { getMessageBus } from "@signalbox/messagebus";
import type { LaunchContext, LaunchedPlugin, PluginEnd, PluginLauncher } from "../../src/host/launcher.ts";
import type { LoadedPlugin } from "../../src/manifest/load-manifest.ts";

/** A plugin that does what a test tells it to. */
export class ScriptedPlugin implements LaunchedPlugin {
  readonly pluginId: string;
  readonly version: string;
  readonly log: LaunchContext["log"];
  /** What the host did to it: `stop`, `kill`. */
  readonly asked: string[] = [];
  readonly #end = Promise.withResolvers<PluginEnd>();
  readonly #endsOnStop: boolean;
  readonly #endsOnKill: boolean;

  constructor({ manifest }: LoadedPlugin, { log }: LaunchContext, { hangs, isStuck }: ScriptedLauncherOptions) {
    this.pluginId = manifest.name;
    this.version = manifest.version;
    this.log = log;
    this.#endsOnStop = !hangs && !isStuck;
    this.#endsOnKill = !isStuck;
  }

  get ended(): Promise<PluginEnd> {
    return this.#end.promise;
  }

  async announceReady(): Promise<void> {
    await getMessageBus(this.pluginId).publish({
      topic: `plugin/${this.pluginId}/status`,
      payload: { status: "ready", timestamp: new Date().toISOString() },
    });
  }

  crash(how = "exit code 1"): void {
    this.#end.resolve({ how });
  }

  stop(): void {
    this.asked.push("stop");
    if (this.#endsOnStop) this.#end.resolve({ how: "stopped" });
  }

  kill(): void {
    this.asked.push("kill");
    if (this.#endsOnKill) this.#end.resolve({ how: "killed" });
  }
}

export interface ScriptedLauncherOptions {
  /** Announces itself as soon as it is started. Default true. */
  readonly isReadyAtOnce?: boolean;
  /** Does not end when it is asked to. */
  readonly hangs?: boolean;
  /** Does not even end when it is killed. */
  readonly isStuck?: boolean;
}

/** Starts plugins that are nothing but a script, and remembers them in order. */
export class ScriptedLauncher implements PluginLauncher {
  readonly launched: ScriptedPlugin[] = [];
  options: ScriptedLauncherOptions;

  constructor(options: ScriptedLauncherOptions = {}) {
    this.options = options;
  }

  async launch(plugin: LoadedPlugin, context: LaunchContext): Promise<LaunchedPlugin> {
    const scripted = new ScriptedPlugin(plugin, context, this.options);
    this.launched.push(scripted);
    // After the host has begun to wait for it.
    if (this.options.isReadyAtOnce ?? true) setImmediate(() => void scripted.announceReady());
    return scripted;
  }
}
