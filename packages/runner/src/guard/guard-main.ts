// The guard of a runner: it outlives the runner by a moment. It reads lines from a pipe whose other end only the runner
// holds: `+<attempt>` when an attempt may have processes, `-<attempt>` when it has none. When the runner dies, however
// it dies, the pipe closes, and the guard kills what is left of those attempts. Its own process, without dependencies.
import { createInterface } from "node:readline";

import { systemClock } from "../process/clock.ts";
import { killMarked } from "./kill-marked.ts";

const live = new Set<string>();

// Whoever stops the runner's process group must not stop the guard before it has done its work.
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => undefined);

for await (const line of createInterface({ input: process.stdin })) {
  if (line.startsWith("+")) live.add(line.slice(1));
  else live.delete(line.slice(1));
}

await Promise.all([...live].map((attemptId) => killMarked({ attemptId, clock: systemClock })));
process.exit(0);
