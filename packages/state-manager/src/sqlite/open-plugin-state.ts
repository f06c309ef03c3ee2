import { lstatSync, mkdirSync, realpathSync } from "node:fs";
import { join, relative } from "node:path";

import { StateFileFailedError, StateFileNotOursError } from "../errors.ts";
import { DistributedStateManager, type StateManagerOptions } from "../state-manager.ts";
import { sqlitePersistence } from "./sqlite-persistence.ts";

/** Where a plugin keeps what is about it. */
const FOLDER = ".claude-plugin";
const FILE = "state.db";

/**
 * The state of a plugin, kept in `.claude-plugin/state.db` of its folder. Makes what is missing there but the folder itself. Refuses with a
 * StateFileNotOursError a file that lies elsewhere by way of a link, and throws as the constructor of DistributedStateManager does.
 */
export function openPluginState(
  pluginFolder: string,
  pluginId: string,
  options: Omit<StateManagerOptions, "persistence"> = {},
): DistributedStateManager {
  const path = stateFileIn(pluginFolder);
  return new DistributedStateManager(pluginId, { ...options, persistence: sqlitePersistence(path) });
}

function stateFileIn(pluginFolder: string): string {
  try {
    const root = realpathSync(pluginFolder);
    const folder = join(root, FOLDER);
    mkdirSync(folder, { recursive: true });
    const path = join(realpathSync(folder), FILE);
    if (relative(root, path).startsWith("..") || lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) {
      throw new StateFileNotOursError(join(folder, FILE), `lies outside of ${root}`);
    }
    return path;
  } catch (error) {
    if (error instanceof StateFileNotOursError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new StateFileFailedError(join(pluginFolder, FOLDER, FILE), reason, { cause: error });
  }
}
