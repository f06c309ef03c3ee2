import { readSync, rmSync } from "node:fs";
import { Socket } from "node:net";

/**
 * Loaded into a plugin's process before its own code. The host holds the other end of this pipe. When the host is gone, however
 * that came, the plugin is asked to end as the host would ask it, and ends at the latest when its grace is over; with it ends what
 * it started, and goes the folder that the host can no longer remove.
 */
const LIFELINE_FD = 3;
const { SIGNALBOX_PLUGIN_GRACE_MS: graceMs, SIGNALBOX_PLUGIN_HOME: home } = process.env;
let isHostGone = false;

const lifeline = new Socket({ fd: LIFELINE_FD, readable: true, writable: false });
lifeline.on("error", () => {});
lifeline.on("close", () => {
  isHostGone = true;
  setTimeout(endAll, Number(graceMs)).unref();
  // Without a handler of its own the signal would end it alone.
  if (process.listenerCount("SIGINT") === 0) process.exit();
  process.kill(process.pid, "SIGINT");
});
lifeline.resume();
lifeline.unref();

// A plugin may end before it hears of it, as nobody reads what it prints any more.
process.on("exit", () => {
  if (isHostGone || hasHungUp()) endAll();
});

/** The host never writes, so there is nothing to read (EAGAIN) until it is gone. */
function hasHungUp(): boolean {
  try {
    return readSync(LIFELINE_FD, Buffer.alloc(1)) === 0;
  } catch (error) {
    // Otherwise the end was read already, and the pipe is closed.
    return !(error instanceof Error && "code" in error && error.code === "EAGAIN");
  }
}

function endAll(): void {
  if (home !== undefined) rmSync(home, { recursive: true, force: true });
  // It leads its process group.
  process.kill(-process.pid, "SIGKILL");
}
