import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { verifyDataDir } from "@signalbox/store/sqlite";

import { Fleet } from "../_support/fleet.ts";

// How long a check takes: `node test/throughput/verify.ts [events]`. Makes that many events first.
const events = Number(process.argv[2] ?? 1_000_000);
const EVENTS_OF_A_RUN = 9;
const AT_ONCE = 500;
const directory = join(tmpdir(), `signalbox-verify-${process.pid}`);

const fleet = await Fleet.open(directory);
for (let made = 0; made < events; made += AT_ONCE * EVENTS_OF_A_RUN) {
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      const { runId } = await fleet.createRun(["a", "b"]);
      await fleet.attempt(runId, 0);
      await fleet.attempt(runId, 1);
    }),
  );
}
await fleet.store.close();

const startedAt = performance.now();
const report = await verifyDataDir(directory);
const seconds = (performance.now() - startedAt) / 1_000;
const peakMiB = Math.round(process.resourceUsage().maxRSS / 1_024);
console.log({ runs: report.runs, events: report.events, problems: report.problemCount, seconds: Number(seconds.toFixed(1)), peakMiB });
rmSync(directory, { recursive: true });
