import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { startDevEnv } from "../dev-env.ts";
import { Effects } from "../_support/effects.ts";
import { findDamage, readOutput } from "../_support/find-damage.ts";
import { ReplayProxy } from "../_support/replay-proxy.ts";
import { SCALE, SEED, seededRandom } from "../_support/seeded-random.ts";

const RUNS = 4 * SCALE;
const LINES = 300;

// Seen red: when a runner began every start that it was told, finished attempts ran again; with output taken a second time,
// results did not match what was stored, and runs failed.
describe(`F12: messages that come twice, or long after their connection (seed ${SEED})`, () => {
  it(`change nothing, over ${RUNS} runs`, { timeout: 60_000 + RUNS * 4_000 }, async () => {
    const random = seededRandom(SEED);
    await using env = await startDevEnv({ runners: 0 });
    await using one = await ReplayProxy.before(env.server.url, random);
    await using two = await ReplayProxy.before(env.server.url, random);
    await env.addRunner({ url: one.url, slots: 3 });
    await env.addRunner({ url: two.url, slots: 3 });
    const effects = new Effects(env.dir.file("effects"));
    const shell = `i=0; while [ $i -lt ${LINES} ]; do i=$((i+1)); echo "line $i"; [ $((i % 100)) -eq 0 ] && sleep 0.1; done; ${effects.shell}`;
    const steps = ["one", "two", "three"].map((name) => ({
      name,
      tool: "command",
      inputs: { shell: `${shell}; echo ${name} >> all.txt` },
    }));
    const runs = await Promise.all(
      Array.from({ length: RUNS }, (_, index) => env.client.runs.create({ plan: { goal: `run ${index}`, steps } })),
    );

    for (let cut = 0; cut < 3; cut++) {
      const before = (await effects.all()).length;
      await eventually(async () => (await effects.all()).length > before);
      one.cut();
      two.cut();
    }
    const details = await Promise.all(runs.map(({ id }) => env.client.runs.wait(id)));
    const done = await effects.all();

    expect(Math.min(one.replayed, two.replayed)).toBeGreaterThan(10);
    expect(new Set(details.map(({ run }) => run.status))).toEqual(new Set(["succeeded"]));
    // No attempt was begun twice, and no step was done twice: only a start that was lost with its connection is made up for.
    expect(new Set(done.map(({ attemptId }) => attemptId)).size).toBe(done.length);
    expect(new Set((await effects.counts()).values())).toEqual(new Set([1]));
    expect(done).toHaveLength(3 * RUNS);
    for (const { id } of runs) {
      const chunks = await readOutput(env.client, id);
      const text = Buffer.concat(chunks.map(({ bytes }) => bytes)).toString();
      expect(text).toBe(OUTPUT.repeat(3));
      expect(await (await env.server.fetch(`/api/v1/runs/${id}/files/all.txt`)).text()).toBe("one\ntwo\nthree\n");
    }
    expect(await findDamage(env.server)).toEqual([]);
  });
});

const OUTPUT = Array.from({ length: LINES }, (_, index) => `line ${index + 1}\n`).join("");
