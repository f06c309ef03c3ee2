import { eventually } from "@signalbox/testkit";
import { PluginHost, processLauncher } from "../../src/index.ts";
import { busServer } from "./bus-server.ts";
import { fixtures } from "./fixtures.ts";

/**
 * A host in a process of its own, for tests that take it away: `lonely-host.ts <plugin> <grace in ms>`. Prints, as JSON, the pid of
 * the plugin that it has started, and of the child that this one tells of.
 */
const [name = "", stopGraceMs] = process.argv.slice(2);
const { system, issueCredential } = await busServer();
const environment = { PATH: process.env["PATH"] ?? "" };
const host = new PluginHost({
  bus: system,
  launcher: processLauncher({ issueCredential, environment, stopGraceMs: Number(stopGraceMs) }),
  isApproved: () => true,
});
await host.discover(fixtures);
await host.start(name);
const line = await eventually(() => host.logs(name)[0]?.text);
console.log(JSON.stringify([host.plugin(name).pid, Number(/^child (\d+)/.exec(line)?.[1] ?? 0)].filter(Boolean)));
