import { RequestRefusedError } from "@signalbox/client";
import { canMount, eventually, smallDisk } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { startDevEnv } from "../dev-env.ts";
import { findDamage } from "../_support/find-damage.ts";

const DISK_MEGABYTES = 24;
const LIMITS = { "disk.reserveBytes": 1_048_576 };
const RECOVERY_MS = 5_000;
const isPossible = canMount();
if (!isPossible) console.warn("F7 is not tested here: mounting a small disk needs Linux and root");

// Seen red: without the reserve, the decision at the gate was refused as well, and its run never ended.
describe.skipIf(!isPossible)("F7: a full disk under a server", () => {
  it("refuses new runs with 507, brings what has begun to its end, and takes runs again without a restart", async () => {
    await using disk = await smallDisk(DISK_MEGABYTES);
    await using env = await startDevEnv({ serverDataDir: disk.data, limits: LIMITS });
    const { client } = env;
    const begun = await client.runs.create({ plan: { goal: "wait", steps: [{ name: "ask", tool: "gate:manual" }] } });
    const [gate] = (await client.gates.list({ runId: begun.id })).items;
    const acknowledged = [begun.id];
    disk.fill();

    const refusal = await createUntilRefused(async () => {
      acknowledged.push((await client.runs.create({ command: "true" })).id);
    });
    const health = await fetch(`${env.server.url}/health`);
    const decided = await client.gates.approve(gate?.id ?? "");
    const ended = await client.runs.wait(begun.id);
    disk.empty();
    const emptiedAt = performance.now();
    const after = await eventually(() => client.runs.create({ command: "true" }), {
      timeoutMs: RECOVERY_MS,
      everyMs: 100,
    });

    expect([refusal.status, refusal.code]).toEqual([507, "STORAGE_FULL"]);
    expect(health.status).toBe(503);
    expect([decided.status, ended.run.status]).toEqual(["approved", "succeeded"]);
    expect(performance.now() - emptiedAt).toBeLessThan(RECOVERY_MS);
    for (const id of [...acknowledged, after.id]) expect((await client.runs.wait(id)).run.status).toBe("succeeded");
    expect(await findDamage(env.server)).toEqual([]);
  });
});

const MOST_RUNS = 5_000;

async function createUntilRefused(create: () => Promise<void>): Promise<RequestRefusedError> {
  for (let count = 0; count < MOST_RUNS; count++) {
    try {
      await create();
    } catch (error) {
      if (error instanceof RequestRefusedError) return error;
      throw error;
    }
  }
  throw new Error(`the disk was not full after ${MOST_RUNS} runs`);
}
