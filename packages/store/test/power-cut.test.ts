import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { openWriterConnection } from "../src/sqlite/connection.ts";
import { migrate } from "../src/sqlite/migrate.ts";
import { JOURNAL_OPTIONS, readDiskJournal } from "./_support/disk-journal.ts";
import type { DiskStep } from "./_support/disk-journal.ts";
import { findDamage } from "./_support/parcel-store.ts";
import { migrations } from "./_support/parcel-units.ts";
import { diskAfterPowerCut } from "./_support/power-cut.ts";
import type { DiskImage } from "./_support/power-cut.ts";
import { seededRandom } from "./_support/seeded-random.ts";
import { canTrace, runTraced } from "./_support/strace.ts";

const CUTS = Number(process.env["SIGNALBOX_POWER_CUTS"] ?? 100);
const SEED = Number(process.env["SIGNALBOX_POWER_CUT_SEED"] ?? 1);
const PROGRAM = new URL("./_support/crash-point-process.ts", import.meta.url);
const isPossible = canTrace();

if (!isPossible) console.warn("power-cut: skipped, as strace is missing or may not trace here");

describe.skipIf(!isPossible)("a power cut", { timeout: 90_000 + CUTS * 500 }, () => {
  it(`loses nothing that was acknowledged, in ${CUTS} cuts of seed ${SEED}`, async () => {
    const steps = await record("FULL");

    expect(await damageOfCuts(steps)).toEqual([]);
  });

  // The test of the test: with this setting an answer comes before the sync, and the model must see it.
  it("is seen to lose what was acknowledged when commits are not synced", async () => {
    const steps = await record("NORMAL");

    expect(await damageOfCuts(steps)).toContainEqual(expect.stringContaining("was acknowledged and is lost"));
  });
});

/** What a fixed piece of work does to its disk. */
async function record(synchronous: string): Promise<DiskStep[]> {
  await using dir = await tempDir();
  return readDiskJournal((await runTraced(PROGRAM, [dir.path, synchronous], JOURNAL_OPTIONS)).calls);
}

/** Cuts the power at random moments; returns what is wrong after any of them. */
async function damageOfCuts(steps: readonly DiskStep[]): Promise<string[]> {
  const random = seededRandom(SEED);
  const damage: string[] = [];
  for (let cut = 0; cut < CUTS; cut++) {
    const done = steps.slice(0, 1 + random(steps.length));
    // In a third nothing arrives that was not synced; in the others each step does, does not, or is torn.
    const fate = random(3) === 0 ? () => 0 : () => [0, 1, 1, random(100) / 100][random(4)] ?? 0;
    damage.push(...(await damageAfter(diskAfterPowerCut(done, fate), acknowledgedIn(done))));
  }
  return damage;
}

function acknowledgedIn(steps: readonly DiskStep[]): string[] {
  return steps.flatMap((step) => (step.kind === "say" && step.text.startsWith("stored ") ? [step.text.slice(7)] : []));
}

/** Lays the files out, opens them as a server would, and looks. */
async function damageAfter(image: DiskImage, acknowledged: string[]): Promise<string[]> {
  await using dir = await tempDir();
  await mkdir(dir.file("data"));
  for (const [name, bytes] of image) await writeFile(dir.file("data", name), bytes);
  const database = openWriterConnection(join(dir.file("data"), "signalbox.db"), 0);
  migrate(database, migrations, () => 0);
  database.close();
  return findDamage(dir.file("data"), acknowledged);
}
