import { writeFile } from "node:fs/promises";

import type { RunDetails } from "@signalbox/protocol";
import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { SHORT_LEASES, startDevEnvBehindProxy, type DevEnv } from "../dev-env.ts";
import { Effects } from "../_support/effects.ts";
import { findDamage, readOutput } from "../_support/find-damage.ts";
import { processesOf } from "../_support/processes.ts";
import { SCALE, SEED, seededRandom } from "../_support/seeded-random.ts";

const ROUNDS = 2 * SCALE;

// Seen red: without sending again what was not acknowledged, and with output taken wherever it begins, the stored output had
// holes; one of the two is enough to be well. Without the runner's own end of a lease nothing stopped the cut-off work.
describe(`F8: the network between runner and server (seed ${SEED})`, { timeout: 60_000 + ROUNDS * 5_000 }, () => {
  it("loses everything for a moment: the work goes on, and arrives after the heal", async () => {
    await using env = await startDevEnvBehindProxy();
    const effects = new Effects(env.dir.file("effects"));
    const go = env.dir.file("go");
    const { id } = await env.client.runs.create({
      command: `until [ -e ${go} ]; do sleep 0.02; done; ${SPEAK}; ${effects.shell}`,
    });
    await isRunning(env, id);

    env.proxy.set({ toServer: { traffic: "lose" }, toRunner: { traffic: "lose" } });
    await writeFile(go, "");
    await eventually(async () => (await effects.all()).length === 1);
    env.proxy.heal();
    const details = await env.client.runs.wait(id);

    expect(statesOf(details)).toEqual(["succeeded"]);
    expect(textOf(await readOutput(env.client, id), ".1")).toBe(SPOKEN);
    expect(await findDamage(env.server)).toEqual([]);
  });

  it("hears nothing of the runner for longer than its lease: it stops, and the step is done elsewhere", async () => {
    await using env = await startDevEnvBehindProxy({ limits: SHORT_LEASES });
    const effects = new Effects(env.dir.file("effects"));
    const shell = `case "$SIGNALBOX_ATTEMPT" in *.1) sleep 60;; esac; ${effects.shell}; ${SPEAK}`;
    const { id } = await env.client.runs.create({ command: shell });
    await isRunning(env, id);

    // What the runner says is held up on the way, and comes out when another has the step.
    env.proxy.set({ toServer: { traffic: "hold" } });
    await env.runner.says("the lease ends without a renewal");
    await eventually(async () => (await processesOf(id)).length === 0);
    const direct = await env.addRunner({ url: env.server.url });
    await eventually(async () => (await env.client.runs.get(id)).steps[0]?.attempts[1]?.runnerId === direct.id);
    env.proxy.heal();
    const details = await env.client.runs.wait(id);
    await eventually(async () => (await env.client.runners.get(env.runner.id)).connected);

    expect(details.run.status).toBe("succeeded");
    expect(statesOf(details)).toEqual(["lost", "succeeded"]);
    expect((await effects.all()).map(({ attemptId }) => attemptId)).toEqual([details.steps[0]?.attempts[1]?.id]);
    expect(statesOf(await env.client.runs.get(id))).toEqual(["lost", "succeeded"]);
    expect(await findDamage(env.server)).toEqual([]);
  });

  it("does not let the server's words through: the runner stops in time, and is not stuck afterwards", async () => {
    await using env = await startDevEnvBehindProxy({ limits: SHORT_LEASES });
    const shell = `case "$SIGNALBOX_ATTEMPT" in *.1) sleep 60;; esac; ${SPEAK}`;
    const steps = [{ name: "work", tool: "command", inputs: { shell }, retry: { maxAttempts: 3, initialDelayMs: 10 } }];
    const { id } = await env.client.runs.create({ plan: { goal: "one way", steps } });
    await isRunning(env, id);

    env.proxy.set({ toRunner: { traffic: "lose" } });
    await env.runner.says("the lease ends without a renewal");
    await eventually(async () => (await processesOf(id)).length === 0);
    env.proxy.heal();
    const details = await env.client.runs.wait(id);

    expect(details.run.status).toBe("succeeded");
    expect(textOf(await readOutput(env.client, id), `.${details.steps[0]?.attempts.length}`)).toBe(SPOKEN);
    expect(await findDamage(env.server)).toEqual([]);
  });

  it("keeps an old connection's words and delivers them after newer ones", async () => {
    await using env = await startDevEnvBehindProxy({ limits: { ...SHORT_LEASES, "lease.ttlMs": 8_000 } });
    const effects = new Effects(env.dir.file("effects"));
    const go = env.dir.file("go");
    const shell = `until [ -e ${go} ]; do echo waiting; sleep 0.05; done; ${SPEAK}; ${effects.shell}`;
    const steps = [
      { name: "work", tool: "command", inputs: { shell } },
      { name: "after", tool: "command", inputs: { shell: effects.shell } },
    ];
    const { id } = await env.client.runs.create({ plan: { goal: "late words", steps } });
    await isRunning(env, id);
    const before = env.proxy.accepted;

    env.proxy.freezeOpen();
    await eventually(() => env.proxy.accepted >= before + 2);
    await writeFile(go, "");
    const details = await env.client.runs.wait(id);
    env.proxy.heal();
    await env.client.runs.wait((await env.client.runs.create({ command: "true" })).id);

    expect(details.run.status).toBe("succeeded");
    expect(statesOf(details)).toEqual(["succeeded"]);
    expect([...(await effects.counts()).values()]).toEqual([1, 1]);
    expect(textOf(await readOutput(env.client, id), ".0.1").replaceAll("waiting\n", "")).toBe(SPOKEN);
    expect(await findDamage(env.server)).toEqual([]);
  });

  it(`is slow, late and cut at random, ${ROUNDS} times: every byte arrives once, in order`, async () => {
    const random = seededRandom(SEED);
    await using env = await startDevEnvBehindProxy({
      limits: { ...SHORT_LEASES, "lease.ttlMs": 20_000, "lease.renewMs": 1_000 },
    });
    const done = env.dir.file("done");
    const shell = `n=0; until [ -e ${done} ]; do n=$((n+1)); echo "round $n $(head -c 2000 /dev/zero | tr '\\0' x)"; sleep 0.01; done; ${SPEAK}`;
    const { id } = await env.client.runs.create({ command: shell });
    await isRunning(env, id);
    const lengthNow = async () => textOf(await readOutput(env.client, id), ".1").length;

    for (let round = 0; round < ROUNDS; round++) {
      const before = await lengthNow();
      env.proxy.set({
        toServer: { delayMs: random(200), bytesPerSecond: 50_000 + random(500_000) },
        toRunner: { delayMs: random(200) },
      });
      await eventually(async () => (await lengthNow()) > before, { everyMs: 50 });
      env.proxy.reset();
    }
    env.proxy.heal();
    await writeFile(done, "");
    const details = await env.client.runs.wait(id);

    const text = textOf(await readOutput(env.client, id), ".1");
    const rounds = text.slice(0, -SPOKEN.length).split("\n").filter(Boolean);
    expect(details.run.status).toBe("succeeded");
    expect(text.endsWith(SPOKEN)).toBe(true);
    expect(rounds.map((line) => Number(line.split(" ")[1]))).toEqual(rounds.map((_, index) => index + 1));
    expect(new Set(rounds.map((line) => line.split(" ")[2]))).toEqual(new Set(["x".repeat(2_000)]));
    expect(statesOf(details)).toEqual(["succeeded"]);
    expect(await findDamage(env.server)).toEqual([]);
  });
});

const SPEAK = "i=0; while [ $i -lt 500 ]; do i=$((i+1)); echo spoken $i; done";
const SPOKEN = Array.from({ length: 500 }, (_, index) => `spoken ${index + 1}\n`).join("");

async function isRunning(env: DevEnv, runId: string): Promise<void> {
  await eventually(async () => (await env.client.runs.get(runId)).steps[0]?.status === "running");
}

function statesOf({ steps }: RunDetails): string[] {
  return steps[0]?.attempts.map(({ status }) => status) ?? [];
}

function textOf(chunks: Awaited<ReturnType<typeof readOutput>>, attempt: string): string {
  const own = chunks.filter(({ attemptId, stream }) => attemptId.endsWith(attempt) && stream === "stdout");
  return Buffer.concat(own.map(({ bytes }) => bytes)).toString();
}
