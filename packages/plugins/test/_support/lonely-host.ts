import { getSystemBus } from "@signalbox/messagebus";
import { PluginHost, processLauncher } from "../../src/index.ts";
import { fixtures } from "./fixtures.ts";

/** A host in a process of its own, for tests that take it away. Prints the pid of the plugin that it has started. */
const host = new PluginHost({
  bus: getSystemBus(),
  launcher: processLauncher({
    issueCredential: () => Promise.reject(new Error("nobody here needs one")),
    environment: { PATH: process.env["PATH"] ?? "" },
    stopGraceMs: 100,
  }),
  isApproved: () => true,
});
await host.discover(fixtures);
const [name = "silent"] = process.argv.slice(2);
await host.start(name);
console.log(host.plugin(name).pid);
