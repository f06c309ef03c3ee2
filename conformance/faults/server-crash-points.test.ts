import { spawnSync } from "node:child_process";

import type { Run } from "@signalbox/protocol";
import { describe, expect, it } from "vitest";

import { startDevEnv, type DevEnv } from "../dev-env.ts";
import { Effects } from "../_support/effects.ts";
import { findDamage } from "../_support/find-damage.ts";
import { insist } from "../_support/insist.ts";
import { SCALE } from "../_support/seeded-random.ts";

const POINTS = crashPoints(2 * SCALE);
const MOST_ORDERS = 25;
const isPossible = spawnSync("strace", ["-D", "-f", "-e", "trace=none", "true"]).status === 0;

if (!isPossible) console.warn("server-crash-points: skipped, as strace is missing or may not trace here");

// Seen red: without the steps that wait being taken up again after a start (`recover`), acknowledged runs never ended.
describe.skipIf(!isPossible)("F2: a whole server that is killed at a system call of its store", () => {
  it(
    `loses nothing that it acknowledged, at ${POINTS.length} calls`,
    { timeout: 60_000 + POINTS.length * 15_000 },
    async () => {
      await using env = await startDevEnv();
      const effects = new Effects(env.dir.file("effects"));
      const acknowledged: Run[] = [];
      let kills = 0;
      for (const point of POINTS) {
        await env.server.kill();
        // Detached (-D), strace leaves the server our own child: killing that child kills the server.
        env.server.launch(["strace", "-D", "-f", "-qq", "-o", env.dir.file("calls"), ...injection(point)]);
        const orders = await orderUntilItEnds(env, effects, JSON.stringify(point));
        if (env.server.hasEnded) kills++;
        await env.server.restart();
        acknowledged.push(...(await Promise.all(orders)).map(({ answer }) => answer));
      }
      for (const { id } of acknowledged) await env.client.runs.wait(id);

      expect(kills).toBeGreaterThan(POINTS.length / 2);
      expect(new Set(acknowledged.map(({ id }) => id)).size).toBe(acknowledged.length);
      expect(new Set((await effects.counts()).values())).toEqual(new Set([1]));
      expect((await effects.all()).length).toBe(acknowledged.length);
      expect(await findDamage(env.server)).toEqual([]);
    },
  );
});

/** The n-th call of its name in the thread that makes it. */
interface CrashPoint {
  readonly call: "fsync" | "pwrite64";
  readonly n: number;
}

/** Early ones, when the server starts on what is there, and later ones, when it is at work. */
function crashPoints(count: number): CrashPoint[] {
  return Array.from({ length: count }, (_, index) =>
    index % 2 === 0 ? { call: "fsync", n: 2 + index } : { call: "pwrite64", n: 3 + 17 * index },
  );
}

function injection({ call, n }: CrashPoint): string[] {
  return ["-e", `trace=${call}`, "-e", `inject=${call}:signal=KILL:when=${n}`];
}

/** Makes one run after the other until the server is gone; what was not answered goes on being asked. */
async function orderUntilItEnds(env: DevEnv, effects: Effects, name: string) {
  const client = env.server.client({ retries: 0, timeoutMs: 5_000 });
  const orders: ReturnType<typeof insist<Run>>[] = [];
  while (!env.server.hasEnded && orders.length < MOST_ORDERS) {
    const request = { command: effects.shell };
    const idempotencyKey = `${name}-${orders.length}`;
    const order = insist(() => client.runs.create(request, { idempotencyKey }));
    orders.push(order);
    await Promise.race([order, env.server.ended]);
  }
  return orders;
}
