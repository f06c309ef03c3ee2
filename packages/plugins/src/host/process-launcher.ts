import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createRequire } from "node:module";
import { extname } from "node:path";
import { pathToFileURL } from "node:url";
import type { PluginAccess } from "@signalbox/messagebus";
import { limit } from "../limits.ts";
import { accessOf, usesBus } from "../manifest/access-of.ts";
import type { LoadedPlugin } from "../manifest/load-manifest.ts";
import type { LaunchContext, LaunchedPlugin, PluginLauncher } from "./launcher.ts";
import { newPluginHome } from "./plugin-home.ts";
import type { PluginHome } from "./plugin-home.ts";
import { PluginProcess } from "./plugin-process.ts";

/** With what a plugin's process reaches the bus. */
export interface BusCredential {
  /** Where the bus is: `ws://127.0.0.1:3000/api/v1/plugin-link`. */
  readonly url: string;
  readonly token: string;
  /** The token is not needed any more: its process has ended. */
  revoke(): void | Promise<void>;
}

/** Whom a credential is for, and what it lets do. */
export interface CredentialRequest {
  readonly pluginId: string;
  readonly manifestHash: string;
  readonly access: Required<PluginAccess>;
}

/** What a process launcher is made with. */
export interface ProcessLauncherOptions {
  /** Makes a token for one process of a plugin, with which the bus lets it do what its access list says. */
  readonly issueCredential: (request: CredentialRequest) => Promise<BusCredential>;
  /** The whole environment of every plugin; nothing is inherited. Most need `PATH`. HOME and TMPDIR are folders of their own unless they stand here. */
  readonly environment: Readonly<Record<string, string>>;
  /** Arguments of Node.js before the entry point, such as `--max-old-space-size=256`. */
  readonly nodeArguments?: readonly string[] | undefined;
  /** How long a plugin has left to end by itself when this process is gone, in milliseconds. Default 10,000. */
  readonly stopGraceMs?: number | undefined;
}

/**
 * Starts each plugin as a process of its own, in its own process group and in its folder, with an environment that is given and
 * not inherited. Its entry point is the main program: it starts itself (`import.meta.main`, `require.main === module`), says on
 * `plugin/<name>/status` that it is ready, and ends on SIGINT. `getMessageBus` in it is connected to the bus already; the token is
 * in a file that nobody else can read. What it started ends with it, and it ends when this process does.
 */
export function processLauncher(options: ProcessLauncherOptions): PluginLauncher {
  return { launch: (plugin, context) => launch(plugin, context, options) };
}

async function launch(
  plugin: LoadedPlugin,
  { log }: LaunchContext,
  options: ProcessLauncherOptions,
): Promise<LaunchedPlugin> {
  const { manifest, manifestHash } = plugin;
  const request = { pluginId: manifest.name, manifestHash, access: accessOf(manifest) };
  const credential = usesBus(manifest) ? await options.issueCredential(request) : undefined;
  await using opened = new AsyncDisposableStack();
  opened.defer(async () => credential?.revoke());
  const home = opened.use(await newPluginHome(credential?.token));
  const child = spawnPlugin(plugin, home, credential?.url, options);
  const process = new PluginProcess({ child, log, owned: opened.move() });
  // Without messages it cannot say that it is ready.
  return manifest.communication.messagebus.enabled ? process : Object.assign(process, { ready: process.spawned });
}

const LIFELINE = new URL(`./lifeline${extname(import.meta.url)}`, import.meta.url).href;
/** Of the host's copy of the bus: it speaks as the host does. */
const REGISTER = pathToFileURL(createRequire(import.meta.url).resolve("@signalbox/messagebus/register")).href;

function spawnPlugin(
  { manifest, folder, entryPoint }: LoadedPlugin,
  home: PluginHome,
  busUrl: string | undefined,
  { environment, nodeArguments = [], stopGraceMs = limit("host.stopGraceMs") }: ProcessLauncherOptions,
): ChildProcess {
  const imports = [LIFELINE, ...(busUrl === undefined ? [] : [REGISTER])].flatMap((url) => ["--import", url]);
  return spawn(process.execPath, [...nodeArguments, ...imports, entryPoint], {
    cwd: folder,
    env: {
      HOME: home.path,
      TMPDIR: home.path,
      ...environment,
      SIGNALBOX_PLUGIN_ID: manifest.name,
      SIGNALBOX_PLUGIN_HOME: home.path,
      SIGNALBOX_PLUGIN_GRACE_MS: String(stopGraceMs),
      ...(busUrl !== undefined && { SIGNALBOX_BUS_URL: busUrl, SIGNALBOX_PLUGIN_TOKEN_FILE: home.tokenFile }),
    },
    // The last is the lifeline.
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    // A process group of its own, which can be killed as a whole.
    detached: true,
  });
}
