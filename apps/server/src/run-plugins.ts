import type { ControlPlane } from "@signalbox/control-plane";

import { ConfigError, type ServerConfig } from "./config.ts";
import { openPluginDoor, type PluginDoor, type PluginUpgrade } from "./plugin-door.ts";

/**
 * Runs the plugins of the configured folder until the control plane is drained; undefined where none is configured. What
 * comes back is closed after that.
 */
export async function runPlugins(
  config: ServerConfig,
  port: number,
  controlPlane: Pick<ControlPlane, "runPlugins">,
  upgrade: PluginUpgrade,
): Promise<PluginDoor | undefined> {
  const { pluginsDir, pluginEnvironment = {} } = config;
  if (pluginsDir === undefined) return undefined;
  await using cleanup = new AsyncDisposableStack();
  const door = await openPluginDoor(config, port, upgrade);
  cleanup.defer(() => door.close());
  try {
    await controlPlane.runPlugins({ directory: pluginsDir, busUrl: door.url, environment: pluginEnvironment });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "EACCES" && code !== "ENOTDIR") throw error;
    throw new ConfigError(`the plugins folder ${pluginsDir} cannot be read: ${code}`, { cause: error });
  }
  cleanup.move();
  return door;
}
