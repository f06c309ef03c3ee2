import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import type { RunDetails } from "@signalbox/protocol";
import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { SHORT_LEASES, startDevEnv, startDevEnvBehindProxy } from "../dev-env.ts";
import { Effects } from "../_support/effects.ts";
import { findDamage, readOutput } from "../_support/find-damage.ts";
import { isAlive, processesOf } from "../_support/processes.ts";
import { SCALE, SEED, seededRandom } from "../_support/seeded-random.ts";

const KILLS = 3 * SCALE;
/** Shell text that only the first attempt at a step runs. */
const first = (shell: string) => `case "$SIGNALBOX_ATTEMPT" in *.1) ${shell};; esac`;

// Seen red: without the guard, children outlived their runner; without both words on interrupted work (the hello that the server
// compares, and the runner's own), steps never went on; when a repeated result was applied again, a step was finished
// twice; without the result on disk, work was done twice.
describe(`F3: a runner killed (seed ${SEED})`, () => {
  it("in the middle of a step: nothing of it survives, and the step is done again", async () => {
    await using env = await startDevEnv();
    const effects = new Effects(env.dir.file("effects"));
    const pids = env.dir.file("pids");
    const shell = first(
      `setsid sh -c 'trap "" TERM; echo $$ >> ${pids}; sleep 300' & echo $$ >> ${pids}; echo begun; sleep 300`,
    );
    const steps = [
      { name: "work", tool: "command", inputs: { shell } },
      { name: "after", tool: "command", inputs: { shell: effects.shell } },
    ];
    const { id } = await env.client.runs.create({ plan: { goal: "survive", steps } });
    const begun = await eventually(async () => linesOf(pids, 2));

    await env.runner.kill();
    await eventually(async () => (await Promise.all(begun.map(isAlive))).every((alive) => !alive));
    await env.runner.start();
    const details = await env.client.runs.wait(id);

    expect(attemptsOf(details, "work")).toEqual(["interrupted", "succeeded"]);
    expect(attemptsOf(details, "after")).toEqual(["succeeded"]);
    expect([...(await effects.counts()).values()]).toEqual([1]);
    expect(await findDamage(env.server)).toEqual([]);
  });

  it("in the middle of output: what was stored is a beginning of it, and the next attempt is whole", async () => {
    await using env = await startDevEnv();
    const all = `i=0; while [ $i -lt 4000 ]; do i=$((i+1)); echo "line $i of the output of this step"; done`;
    const shell = `${all}; ${first("sleep 300")}; ${all}`;
    const { id } = await env.client.runs.create({ command: shell });
    await eventually(async () => textOf(await readOutput(env.client, id), ".1").length > 1_000);

    await env.runner.restart();
    const details = await env.client.runs.wait(id);
    const output = await readOutput(env.client, id);

    expect(attemptsOf(details, "command")).toEqual(["interrupted", "succeeded"]);
    expect(textOf(output, ".2")).toBe(LINES + LINES);
    expect(LINES.startsWith(textOf(output, ".1"))).toBe(true);
    expect(await findDamage(env.server)).toEqual([]);
  });

  it("between its result and the answer to it: the result counts once", async () => {
    await using env = await startDevEnvBehindProxy();
    const { proxy, runner } = env;
    const effects = new Effects(env.dir.file("effects"));
    const go = env.dir.file("go");
    const steps = [
      {
        name: "work",
        tool: "command",
        inputs: { shell: `until [ -e ${go} ]; do sleep 0.02; done; ${effects.shell}; echo worked` },
      },
      { name: "after", tool: "gate:manual" },
    ];
    const { id } = await env.client.runs.create({ plan: { goal: "count once", steps } });
    await runner.says("attempt starts");
    await eventually(async () => (await env.client.runs.get(id)).steps[0]?.status === "running");

    // The result arrives and is applied; its answer does not come back.
    proxy.set({ toRunner: { traffic: "lose" } });
    await writeFile(go, "");
    await eventually(async () => (await env.client.runs.get(id)).steps[0]?.status === "succeeded");
    expect(await spooledResults(runner.dataDir)).toBe(1);
    await runner.kill();
    proxy.heal();
    await runner.start();
    await eventually(async () => (await spooledResults(runner.dataDir)) === 0);
    const gate = await eventually(async () => (await env.client.gates.list({ runId: id })).items[0]);
    await env.client.gates.approve(gate.id);
    const details = await env.client.runs.wait(id);

    expect(attemptsOf(details, "work")).toEqual(["succeeded"]);
    expect([...(await effects.counts()).values()]).toEqual([1]);
    expect(await findDamage(env.server)).toEqual([]);
  });

  it("with a result that never left: it is handed in after the restart, and nothing is done twice", async () => {
    await using env = await startDevEnvBehindProxy();
    const { proxy, runner } = env;
    const effects = new Effects(env.dir.file("effects"));
    const go = env.dir.file("go");
    const { id } = await env.client.runs.create({
      command: `until [ -e ${go} ]; do sleep 0.02; done; ${effects.shell}; echo worked`,
    });
    await eventually(async () => (await env.client.runs.get(id)).steps[0]?.status === "running");

    proxy.set({ toServer: { traffic: "lose" } });
    await writeFile(go, "");
    await eventually(async () => (await spooledResults(runner.dataDir)) === 1);
    await runner.kill();
    proxy.heal();
    await runner.start();
    const details = await env.client.runs.wait(id);

    expect(attemptsOf(details, "command")).toEqual(["succeeded"]);
    expect([...(await effects.counts()).values()]).toEqual([1]);
    expect(textOf(await readOutput(env.client, id), ".1")).toBe("worked\n");
    expect(await findDamage(env.server)).toEqual([]);
  });

  it(
    `at random times, ${KILLS} kills: no attempt runs twice and each result counts once`,
    { timeout: 60_000 + KILLS * 5_000 },
    async () => {
      const random = seededRandom(SEED);
      await using env = await startDevEnv({ runners: 2, runner: { slots: 3 }, limits: SHORT_LEASES });
      const effects = new Effects(env.dir.file("effects"));
      const steps = ["one", "two", "three"].map((name) => ({
        name,
        tool: "command",
        inputs: { shell: `${effects.shell}; sleep 0.${random(4)}; echo ${name} | tee ${name}.txt` },
        retry: { initialDelayMs: 10, maxDelayMs: 100 },
      }));
      const runs = await Promise.all(
        Array.from({ length: 4 + KILLS }, (_, index) =>
          env.client.runs.create({ plan: { goal: `run ${index}`, steps } }),
        ),
      );
      for (let kill = 0; kill < KILLS; kill++) {
        await pause(random(700));
        await env.runners[random(2)]?.restart();
      }
      const details = await Promise.all(runs.map(({ id }) => env.client.runs.wait(id)));

      // A run may fail because it was lost too often; none may hang, and none may count a thing twice.
      expect(await findDamage(env.server)).toEqual([]);
      const done = await effects.all();
      expect(new Set(done.map(({ attemptId }) => attemptId)).size).toBe(done.length);
      for (const { run, steps: ended } of details) {
        expect(["succeeded", "failed"]).toContain(run.status);
        for (const step of ended.filter(({ status }) => status === "succeeded")) {
          const winner = step.attempts.find(({ status }) => status === "succeeded");
          expect(done.filter(({ attemptId }) => attemptId === winner?.id)).toHaveLength(1);
        }
      }
      const leftovers = await Promise.all(runs.map(({ id }) => processesOf(id)));
      expect(leftovers.flat()).toEqual([]);
    },
  );
});

const LINES = Array.from({ length: 4_000 }, (_, index) => `line ${index + 1} of the output of this step\n`).join("");

function attemptsOf({ steps }: RunDetails, name: string): string[] {
  return steps.find((step) => step.name === name)?.attempts.map(({ status }) => status) ?? [];
}

function textOf(chunks: Awaited<ReturnType<typeof readOutput>>, attempt: string): string {
  const own = chunks.filter(({ attemptId, stream }) => attemptId.endsWith(attempt) && stream === "stdout");
  return Buffer.concat(own.map(({ bytes }) => bytes)).toString();
}

async function linesOf(file: string, atLeast: number): Promise<number[] | undefined> {
  const lines = (await readFile(file, "utf8")).split("\n").filter(Boolean).map(Number);
  return lines.length >= atLeast ? lines : undefined;
}

/** How many attempts in a runner's spool have a result that nobody has acknowledged. */
async function spooledResults(dataDir: string): Promise<number> {
  const spool = join(dataDir, "spool");
  const files = (await readdir(spool, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const texts = await Promise.all(
    files.map(({ parentPath, name }) => readFile(join(parentPath, name), "latin1").catch(() => "")),
  );
  return texts.filter((text) => text.includes('"outcome":')).length;
}
