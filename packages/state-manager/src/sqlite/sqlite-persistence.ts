import { newReplicaId, systemRandom } from "../ids.ts";
import type { StatePersistence } from "../persistence.ts";
import { StateFile } from "./state-file.ts";

/**
 * Keeps the state of one plugin in a SQLite file, which is made where there is none (0600); its folder must be there. Every commit is
 * synced to disk before others hear of what is in it. The file is this state manager's alone until it is closed.
 */
export function sqlitePersistence(path: string): StatePersistence {
  const newSlot = () => newReplicaId(undefined, Date.now(), systemRandom);
  return { open: (pluginId) => new StateFile({ path, pluginId, newSlot }) };
}
