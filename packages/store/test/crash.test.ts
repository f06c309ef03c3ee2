import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { findDamage, openParcels } from "./_support/parcel-store.ts";
import { seededRandom } from "./_support/seeded-random.ts";

const CYCLES = Number(process.env["SIGNALBOX_CRASH_CYCLES"] ?? 8);
const SEED = Number(process.env["SIGNALBOX_CRASH_SEED"] ?? 1);
const MOST_ACKNOWLEDGEMENTS = 400;
const WRITER = fileURLToPath(new URL("./_support/writer-process.ts", import.meta.url));

describe("a server that is killed", () => {
  // Seen red, in the first cycles, with an executor that answers before it commits.
  it(
    `loses nothing that it acknowledged, in ${CYCLES} kills of seed ${SEED}`,
    { timeout: 90_000 + CYCLES * 5_000 },
    async () => {
      await using dir = await tempDir();
      const random = seededRandom(SEED);
      const acknowledged = new Set<string>();

      for (let cycle = 0; cycle < CYCLES; cycle++) {
        // One in eight is killed while it opens the store.
        const patience = random(8) === 0 ? 0 : 1 + random(MOST_ACKNOWLEDGEMENTS);
        for (const id of await runAndKill(dir.file("data"), `c${cycle}`, patience)) acknowledged.add(id);
      }

      expect(acknowledged.size).toBeGreaterThan(CYCLES);
      await (await openParcels(dir.file("data"))).close();
      expect(findDamage(dir.file("data"), acknowledged)).toEqual([]);
    },
  );
});

/** Kills a writer when it has acknowledged so many parcels, or while it opens; returns all that it acknowledged. */
async function runAndKill(directory: string, prefix: string, patience: number): Promise<string[]> {
  const child = spawn(process.execPath, [WRITER, directory, prefix], { stdio: ["ignore", "pipe", "inherit"] });
  const acknowledged: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const [event, id] = line.split(" ");
    if (event === "stored" && id) acknowledged.push(id);
    if (acknowledged.length >= patience) child.kill("SIGKILL");
  }
  return acknowledged;
}
