import { DEFAULT_ORG, limit, SYSTEM_ACTOR, type IdSource } from "@signalbox/protocol";
import { readPlugin, type SignalboxStore } from "@signalbox/store";

import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { PluginHandler } from "./plugin-handler.ts";
import { PluginProcesses, type PluginFolderSettings } from "./plugin-processes.ts";
import type { PluginRuntime } from "./plugin-runtime.ts";
import { spellDocuments } from "./plugin-view.ts";

/** What a folder of plugins is opened with. */
export interface OpenPluginFolderDeps {
  readonly store: SignalboxStore;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
  readonly runtime: PluginRuntime;
  readonly plugins: PluginHandler;
}

/** Runs the plugins of a folder until the runtime is closed. Rejects when the folder cannot be read. */
export async function openPluginFolder(
  settings: PluginFolderSettings,
  { store, clock, ids, logger, runtime, plugins }: OpenPluginFolderDeps,
): Promise<void> {
  const processes = new PluginProcesses({
    ...settings,
    bus: runtime.bus,
    registry: runtime.registry,
    clock,
    logger,
    issueCredential: (name) => runtime.credentials.issueForProcess(DEFAULT_ORG, name),
    forgetCredential: (name) => runtime.credentials.forgetProcess(DEFAULT_ORG, name),
    async register({ documents, ...plugin }) {
      const registered = await store.run("registerPlugin", {
        ...plugin,
        id: ids.next("plugin"),
        orgId: DEFAULT_ORG,
        origin: "folder",
        manifest: spellDocuments(documents),
        maxPlugins: limit("plugins.perOrg"),
        now: clock.now(),
        actor: SYSTEM_ACTOR,
      });
      plugins.take(registered);
    },
    async isApproved(name, manifestHash) {
      const row = await store.view(() => readPlugin(name, DEFAULT_ORG));
      // Who may connect from elsewhere was not let in to run here.
      return row?.state === "approved" && row.origin === "folder" && row.manifest_hash === manifestHash;
    },
  });
  runtime.adopt(processes);
  await processes.open();
}
