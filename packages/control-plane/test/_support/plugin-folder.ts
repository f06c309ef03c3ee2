import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

import { tempDir, type TempDir } from "@signalbox/testkit";

import { manifestOf } from "./plugins.ts";

/** Says that it is ready, answers requests with its pid, and ends when it is asked to; with `crash` at once, each time. */
const CODE = `import { getMessageBus } from "@signalbox/messagebus";
const name = process.env.SIGNALBOX_PLUGIN_ID;
const bus = getMessageBus(name);
bus.subscribe("plugin/" + name + "/request", async ({ correlationId, payload }) => {
  if (payload.do === "forge") {
    const error = await bus.publish({ topic: "system/broadcast", payload: {} }).then(() => undefined, ({ code }) => code);
    return bus.respond(correlationId, { error });
  }
  return bus.respond(correlationId, { said: payload.words, pid: process.pid });
});
process.on("SIGINT", () => process.exit(0));
console.log("hello from " + name);
await bus.publish({ topic: "plugin/" + name + "/status", payload: { status: "ready" } });
`;

/** A folder of plugins, each of which is a program that answers requests. */
export interface PluginFolder extends TempDir {
  /** Writes a plugin's manifest anew, with other values. */
  writeManifest(name: string, over?: Record<string, unknown>): Promise<void>;
}

export async function pluginFolder(names: readonly string[]): Promise<PluginFolder> {
  const dir = await tempDir();
  const writeManifest = (name: string, over: Record<string, unknown> = {}) =>
    writeFile(dir.file(name, ".claude-plugin/plugin.json"), JSON.stringify(manifestOf(name, over)));
  for (const name of names) {
    await mkdir(dir.file(name, ".claude-plugin"), { recursive: true });
    await mkdir(dir.file(name, "lib"));
    await mkdir(dir.file(name, "node_modules/@signalbox"), { recursive: true });
    await symlink(
      dirname(fileURLToPath(import.meta.resolve("@signalbox/messagebus/package.json"))),
      dir.file(name, "node_modules/@signalbox/messagebus"),
    );
    await writeManifest(name);
    await writeFile(dir.file(name, "lib/plugin-bootstrap.mjs"), CODE);
  }
  return Object.assign(dir, { writeManifest });
}
