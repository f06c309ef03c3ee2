import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { DistributedStateManager } from "../src/index.ts";
import { openPluginState } from "../src/sqlite/index.ts";
import { seededRandom } from "./_support/seeded-random.ts";

const KILLS = Number(process.env["SIGNALBOX_STATE_KILLS"] ?? 6);
const SEED = Number(process.env["SIGNALBOX_STATE_KILL_SEED"] ?? 1);
const MOST_LINES = 600;
const PROCESS = fileURLToPath(new URL("./_support/counting-process.ts", import.meta.url));

describe("a process that is killed", () => {
  // Seen red with a journal that tells before it stores, and with one that answers `flushed` without storing.
  it(
    `loses nothing that was flushed or told, and keeps a whole prefix, in ${KILLS} kills of seed ${SEED}`,
    { timeout: 90_000 + KILLS * 5_000 },
    async () => {
      await using dir = await tempDir();
      const random = seededRandom(SEED);
      const other = new DistributedStateManager("counting", { bus: false });

      for (let kill = 0; kill < KILLS; kill++) {
        // One in six is killed while it opens the file.
        const stored = await runAndKill(dir.path, random, random(6) === 0 ? 1 : 2 + random(MOST_LINES), other);
        await using state = openPluginState(dir.path, "counting", { bus: false });

        const count = state.getCounter("steps");
        expect(count).toBeGreaterThanOrEqual(stored);
        expect(count).toBeGreaterThanOrEqual(other.getCounter("steps"));
        expect(state.getRegister("last")?.count ?? 0).toBe(count);
        expect(state.getSet("latest").sort((a, b) => a - b)).toEqual(lastTen(count));
        // The other replica has nothing that this one does not have.
        other.merge(state.snapshot());
        expect(other.snapshot()).toEqual(state.snapshot());
      }

      expect(other.getCounter("steps")).toBeGreaterThan(KILLS);
    },
  );
});

/** Runs the process until it has said so many lines; returns the last count that it was told is stored. */
async function runAndKill(
  folder: string,
  random: (below: number) => number,
  lines: number,
  other: DistributedStateManager,
): Promise<number> {
  const child = spawn(process.execPath, [PROCESS, folder, String(1 + random(500))], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let [stored, said] = [0, 0];
  for await (const line of createInterface({ input: child.stdout })) {
    const [what, text = ""] = line.split(" ");
    if (what === "stored") stored = Number(text);
    else if (what === "told" && other.applyDelta(Buffer.from(text, "base64")) !== "applied") {
      throw new Error(`what the process told in line ${said} is not new, or comes after a gap`);
    }
    if (++said >= lines) child.kill("SIGKILL");
  }
  return stored;
}

function lastTen(count: number): number[] {
  return Array.from({ length: Math.min(10, count) }, (_, index) => Math.max(0, count - 10) + index + 1);
}
