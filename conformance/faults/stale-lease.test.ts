import { readFile, writeFile } from "node:fs/promises";

import type { RunDetails } from "@signalbox/protocol";
import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { SHORT_LEASES, startDevEnv, type DevEnv } from "../dev-env.ts";
import { Effects } from "../_support/effects.ts";
import { findDamage } from "../_support/find-damage.ts";
import { isAlive, processesOf } from "../_support/processes.ts";
import type { RunnerProcess } from "../_support/runner-process.ts";

// Seen red: with results of attempts that are over applied all the same, the stale runner's result counted; without the
// runner's own end of a lease, two attempts worked at once; without that and the kill of a fenced attempt, it lived on.
describe("F14: a runner that is paused after it has claimed a step", () => {
  it("is fenced when it wakes: another has the step, its processes die, and its result counts for nothing", async () => {
    await using env = await startDevEnv({ runners: 2, limits: SHORT_LEASES });
    const effects = new Effects(env.dir.file("effects"));
    const pids = env.dir.file("pids");
    // The first attempt would end well a moment after its runner wakes, if nobody stopped it.
    const shell = `echo $$ >> ${pids}; case "$SIGNALBOX_ATTEMPT" in *.1) sleep 60;; esac; ${effects.shell}; echo by $SIGNALBOX_ATTEMPT`;
    const steps = [{ name: "work", tool: "command", inputs: { shell } }];
    const { id } = await env.client.runs.create({ plan: { goal: "claim", steps } });
    const claimant = await holderOf(env, id);
    await eventually(async () => (await pidsIn(pids)).length === 1);

    claimant.pause();
    const details = await env.client.runs.wait(id);
    const [stale] = await pidsIn(pids);
    const outlived = await isAlive(stale ?? 0);
    claimant.resume();
    await claimant.says("attempt is fenced");
    await eventually(async () => (await processesOf(id)).length === 0);

    // It was there all the time that its runner slept: only the fence has ended it.
    expect(outlived).toBe(true);
    expect(details.run.status).toBe("succeeded");
    expect(statesOf(details)).toEqual(["lost", "succeeded"]);
    expect(runnersOf(details)).toEqual([claimant.id, other(env, claimant).id]);
    expect((await effects.all()).map(({ attemptId }) => attemptId)).toEqual([details.steps[0]?.attempts[1]?.id]);
    expect(statesOf(await env.client.runs.get(id))).toEqual(["lost", "succeeded"]);
    expect(await findDamage(env.server)).toEqual([]);
  });

  it("may not hand in a result that it had when it fell asleep", async () => {
    await using env = await startDevEnv({ runners: 2, limits: SHORT_LEASES });
    const effects = new Effects(env.dir.file("effects"));
    const go = env.dir.file("go");
    // The work of the first attempt ends while its runner sleeps; the result is the first thing that it finds.
    const shell = `case "$SIGNALBOX_ATTEMPT" in *.1) until [ -e ${go} ]; do sleep 0.02; done;; esac; ${effects.shell}; echo by $SIGNALBOX_ATTEMPT | tee by.txt`;
    const steps = [
      { name: "work", tool: "command", inputs: { shell } },
      { name: "after", tool: "command", inputs: { shell: "cat by.txt" } },
    ];
    const { id } = await env.client.runs.create({ plan: { goal: "too late", steps } });
    const claimant = await holderOf(env, id);

    claimant.pause();
    await eventually(async () => (await env.client.runs.get(id)).steps[0]?.attempts.length === 2);
    await writeFile(go, "");
    const details = await env.client.runs.wait(id);
    await eventually(async () => (await effects.all()).length === 2);
    claimant.resume();
    await claimant.says("attempt is fenced");

    const file = await (await env.server.fetch(`/api/v1/runs/${id}/files/by.txt`)).text();
    expect(statesOf(details)).toEqual(["lost", "succeeded"]);
    expect(file).toBe(`by ${details.steps[0]?.attempts[1]?.id}\n`);
    expect(statesOf(await env.client.runs.get(id))).toEqual(["lost", "succeeded"]);
    expect(await findDamage(env.server)).toEqual([]);
  });
});

describe("F10: a process that is paused for twice a lease", () => {
  it("when it is the only runner, the work is done again under a new epoch", async () => {
    await using env = await startDevEnv({ limits: SHORT_LEASES });
    const effects = new Effects(env.dir.file("effects"));
    const shell = `case "$SIGNALBOX_ATTEMPT" in *.1) sleep 60;; esac; ${effects.shell}`;
    const { id } = await env.client.runs.create({ command: shell });
    await holderOf(env, id);

    env.runner.pause();
    const lost = await eventually(async () => (await env.client.runs.get(id)).steps[0]?.attempts[0]?.status === "lost");
    env.runner.resume();
    const details = await env.client.runs.wait(id);

    expect(lost).toBe(true);
    expect(details.run.status).toBe("succeeded");
    expect(statesOf(details)).toEqual(["lost", "succeeded"]);
    expect((await effects.all()).map(({ attemptId }) => attemptId)).toEqual([details.steps[0]?.attempts[1]?.id]);
    expect(await findDamage(env.server)).toEqual([]);
  });

  it("when it is the server, no two attempts ever work at once", async () => {
    await using env = await startDevEnv({ runners: 2, limits: SHORT_LEASES });
    const busy = env.dir.file("busy");
    const overlaps = env.dir.file("overlaps");
    // Whoever begins while another is at work says so; the work takes longer than the pause.
    const shell = `mkdir ${busy} || echo "$SIGNALBOX_ATTEMPT" >> ${overlaps}; trap 'rmdir ${busy}; exit 1' TERM; sleep 6 & wait; rmdir ${busy}`;
    const steps = [{ name: "work", tool: "command", inputs: { shell }, retry: { maxAttempts: 3, initialDelayMs: 10 } }];
    const { id } = await env.client.runs.create({ plan: { goal: "alone", steps } });
    await holderOf(env, id);

    env.server.pause();
    const [claimant] = env.runners.filter(({ said }) => said.includes("attempt starts"));
    await claimant?.says("the lease ends without a renewal");
    await eventually(async () => (await processesOf(id)).length === 0);
    env.server.resume();
    const details = await env.client.runs.wait(id);

    expect(details.run.status).toBe("succeeded");
    expect(await readFile(overlaps, "utf8").catch(() => "")).toBe("");
    expect(await findDamage(env.server)).toEqual([]);
  });
});

/** The runner that was given the first step, once it works. */
async function holderOf(env: DevEnv, runId: string): Promise<RunnerProcess> {
  const attempt = await eventually(async () =>
    (await env.client.runs.get(runId)).steps[0]?.attempts.find(({ status }) => status === "running"),
  );
  const holder = env.runners.find(({ id }) => id === attempt.runnerId);
  if (!holder) throw new Error(`no runner of this environment is ${attempt.runnerId}`);
  return holder;
}

function other(env: DevEnv, runner: RunnerProcess): RunnerProcess {
  const found = env.runners.find((candidate) => candidate !== runner);
  if (!found) throw new Error("there is no other runner");
  return found;
}

function statesOf({ steps }: RunDetails): string[] {
  return steps[0]?.attempts.map(({ status }) => status) ?? [];
}

function runnersOf({ steps }: RunDetails): string[] {
  return steps[0]?.attempts.map(({ runnerId }) => runnerId) ?? [];
}

async function pidsIn(file: string): Promise<number[]> {
  const text = await readFile(file, "utf8").catch(() => "");
  return text.split("\n").filter(Boolean).map(Number);
}
