import { Socket } from "node:net";

/**
 * Loaded into a plugin's process before its own code. The host holds the other end of this pipe: when the host is gone, however
 * that came, the plugin is asked to end as the host would ask it, and ends at the latest when its grace is over.
 */
const LIFELINE_FD = 3;
const GRACE_MS = Number(process.env["SIGNALBOX_PLUGIN_GRACE_MS"] ?? 10_000);

const lifeline = new Socket({ fd: LIFELINE_FD, readable: true, writable: false });
lifeline.on("error", () => {});
lifeline.on("close", () => {
  setTimeout(() => process.kill(-process.pid, "SIGKILL"), GRACE_MS).unref();
  process.kill(process.pid, "SIGINT");
});
lifeline.resume();
lifeline.unref();
