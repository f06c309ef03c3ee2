import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { verifyDataDir } from "@signalbox/store/sqlite";

import { Fleet } from "../_support/fleet.ts";

// How long a check takes: `node test/throughput/verify.ts [events]` makes that many events, then checks them in a
// process of its own, so that its memory is its own too.
const EVENTS_OF_A_RUN = 9;
const AT_ONCE = 500;
const [what = "1000000", directory = ""] = process.argv.slice(2);

if (what === "check") await check(directory);
else await makeAndCheck(Number(what));

async function makeAndCheck(events: number): Promise<void> {
  const place = mkdtempSync(join(tmpdir(), "signalbox-verify-"));
  try {
    await make(place, events);
    spawnSync(process.execPath, [import.meta.filename, "check", place], { stdio: "inherit" });
  } finally {
    rmSync(place, { recursive: true });
  }
}

async function make(place: string, events: number): Promise<void> {
  await using fleet = await Fleet.open(place);
  for (let made = 0; made < events; made += AT_ONCE * EVENTS_OF_A_RUN) {
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        const { runId } = await fleet.createRun(["a", "b"]);
        await fleet.attempt(runId, 0);
        await fleet.attempt(runId, 1);
      }),
    );
  }
}

async function check(place: string): Promise<void> {
  const startedAt = performance.now();
  const { runs, events, problemCount } = await verifyDataDir(place);
  const seconds = Number(((performance.now() - startedAt) / 1_000).toFixed(1));
  console.log({ runs, events, problemCount, seconds, peakMiB: Math.round(process.resourceUsage().maxRSS / 1_024) });
}
