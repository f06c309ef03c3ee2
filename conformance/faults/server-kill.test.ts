import { setTimeout as pause } from "node:timers/promises";

import { describe, expect, it } from "vitest";

import { startDevEnv, type DevEnv } from "../dev-env.ts";
import { Effects } from "../_support/effects.ts";
import { readToTheEnd } from "../_support/event-reader.ts";
import { findDamage, readEvents, readOutput } from "../_support/find-damage.ts";
import { insist } from "../_support/insist.ts";
import { SCALE, SEED, seededRandom, type SeededRandom } from "../_support/seeded-random.ts";

const KILLS = 3 * SCALE;
const LINES = 200;

// Seen red: without the steps that wait being taken up again after a start (`recover`) no end came; with Last-Event-ID
// unread, readers saw events twice; without idempotency keys a repeated order made a second run; with output acknowledged
// before its commit, runs never ended, because their runner had let go of bytes that were lost.
describe(`F1: a server killed at random times (seed ${SEED})`, () => {
  it(`loses nothing that it acknowledged, over ${KILLS} kills`, { timeout: 60_000 + KILLS * 5_000 }, async () => {
    const random = seededRandom(SEED);
    await using env = await startDevEnv({ runners: 2, runner: { slots: 4 } });
    const effects = new Effects(env.dir.file("effects"));
    const killing = killServer(env, random);
    const created: Promise<{ id: string; again: string }>[] = [];
    const readings: Promise<Awaited<ReturnType<typeof readToTheEnd>>>[] = [];
    while (!killing.isOver) {
      const order = createRun(env, effects, `order-${created.length}`, random);
      created.push(order);
      const { id } = await order;
      readings.push(readToTheEnd(env.server, id));
      await pause(random(120));
    }
    await killing.done;
    const runs = await Promise.all(created);
    const read = await Promise.all(readings);

    // An acknowledged run is there, and the same key never made a second one.
    expect(runs.filter(({ id, again }) => id !== again)).toEqual([]);
    const listed = await runIds(env);
    expect(listed.toSorted()).toEqual(runs.map(({ id }) => id).toSorted());
    // Every reader saw each event once, in order, and what it saw is what is stored.
    expect(read.flatMap(({ complaints }) => complaints)).toEqual([]);
    for (const [index, { id }] of runs.entries()) expect(read[index]?.events).toEqual(await readEvents(env.client, id));
    expect(await findDamage(env.server)).toEqual([]);
    // The runners lived on, so every step ran once, and all that it wrote is here.
    const details = await Promise.all(runs.map(({ id }) => env.client.runs.get(id)));
    expect(new Set(details.map(({ run }) => run.status))).toEqual(new Set(["succeeded"]));
    expect(new Set((await effects.counts()).values())).toEqual(new Set([1]));
    for (const { id } of runs) expect(await textOf(env, id, "speak")).toBe(EXPECTED);
  });
});

const EXPECTED = Array.from({ length: LINES }, (_, index) => `line ${index + 1}\n`).join("");

/** Kills and restarts the server at moments that only the seed knows. */
function killServer(env: DevEnv, random: SeededRandom): { readonly isOver: boolean; readonly done: Promise<void> } {
  const state = { isOver: false, done: Promise.resolve() };
  const work = async () => {
    for (let kills = 0; kills < KILLS; kills++) {
      await pause(random(900));
      await env.server.restart();
    }
  };
  state.done = work().finally(() => (state.isOver = true));
  // Whoever fails first is told; this one is awaited later.
  state.done.catch(() => undefined);
  return state;
}

/** Makes a run as a careful client does, and asks once more for the same. */
async function createRun(env: DevEnv, effects: Effects, idempotencyKey: string, random: SeededRandom) {
  const client = env.server.client({ retries: 0, timeoutMs: 5_000 });
  const shell = `i=0; while [ $i -lt ${LINES} ]; do i=$((i+1)); echo "line $i"; [ $((i % 20)) -eq 0 ] && sleep 0.0${random(9)}; done; true`;
  const plan = {
    goal: idempotencyKey,
    steps: [
      { name: "speak", tool: "command", inputs: { shell } },
      { name: "act", tool: "command", inputs: { shell: `${effects.shell}; echo done > done.txt` } },
    ],
  };
  const first = await insist(() => client.runs.create({ plan }, { idempotencyKey }));
  const second = await insist(() => client.runs.create({ plan }, { idempotencyKey }));
  return { id: first.answer.id, again: second.answer.id };
}

async function textOf(env: DevEnv, runId: string, step: string): Promise<string> {
  const chunks = await readOutput(env.client, runId);
  return Buffer.concat(chunks.filter((chunk) => chunk.step === step).map(({ bytes }) => bytes)).toString();
}

async function runIds(env: DevEnv): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of env.client.runs.all()) ids.push(id);
  return ids;
}
