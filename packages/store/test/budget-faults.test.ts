import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { UnitRefusal } from "@signalbox/store";

import { BudgetRig } from "./_support/budget-rig.ts";

const RUNS = Number(process.env.SIGNALBOX_FAULT_RUNS ?? 40);

const tokens = fc.option(fc.integer({ min: 1, max: 120 }).map((most) => ({ tokens: most })));
const agents = fc.array(tokens, { minLength: 1, maxLength: 4 });
const moves = fc.array(fc.tuple(fc.nat({ max: 9 }), fc.nat({ max: 3 }), fc.nat({ max: 60 })), {
  minLength: 10,
  maxLength: 60,
  size: "max",
});

/** One thing that an agent, a runner or somebody might do to one of the steps now. A refusal is an answer like any other. */
async function disturb(rig: BudgetRig, [kind, step, amount]: readonly [number, number, number]): Promise<void> {
  const isLive = await rig.isLive(step);
  const acts: (() => Promise<unknown>)[] = [
    () => rig.beginOrWait(step),
    () => rig.beginOrWait(step),
    async () => isLive && rig.useMore(step, amount),
    async () => isLive && rig.useMore(step, amount),
    async () => isLive && rig.useMore(step, amount),
    async () => isLive && rig.record(step, { fact: "turn_ended", status: "cancelled" }),
    async () => isLive && rig.finish(step, amount % 3 === 0 ? { outcome: "failed", reason: "tool_failure" } : {}),
    async () => isLive && rig.fleet.lose(rig.held(step)),
    () => rig.answer(step, amount % 4 === 0 ? "deny" : "allow"),
    async () => (rig.fleet.now += amount * 1_000),
  ];
  await acts[kind]?.().catch((error: unknown) => {
    if (!(error instanceof UnitRefusal)) throw error;
  });
}

/** From here on everybody gets what they ask for. True when the run has come to its end. */
async function heal(rig: BudgetRig, steps: number): Promise<boolean> {
  for (let round = 0; round < 50; round++) {
    if ((await rig.fleet.progress(rig.runId)).endedAt !== null) return true;
    // Long enough for a delay before another attempt.
    rig.fleet.now += 600_000;
    for (let step = 0; step < steps; step++) {
      await disturb(rig, [8, step, 1]);
      await rig.fleet.fireDue();
      await disturb(rig, [0, step, 0]);
      await disturb(rig, [6, step, 1]);
    }
  }
  return false;
}

describe("agents that share a budget, whatever happens to them", () => {
  it(`leave a ledger that is what was told, and a run that can still end (${RUNS} draws)`, async () => {
    let waited = 0;
    const property = fc.asyncProperty(agents, moves, async (own, drawn) => {
      await using rig = await BudgetRig.open({ tokens: 100 }, own);
      for (const [kind, step, amount] of drawn) await disturb(rig, [kind, step % own.length, amount]);
      const midway = await rig.problems();
      waited += (await rig.asked()).length;

      const hasEnded = await heal(rig, own.length);

      expect([...midway, ...(await rig.problems())]).toEqual([]);
      expect(hasEnded).toBe(true);
      expect(await rig.ledger()).toMatchObject({ held: {}, waiting: [] });
    });

    await fc.assert(property, { numRuns: RUNS, seed: Number(process.env.SIGNALBOX_FAULT_SEED ?? 1) });

    // The draws do come to the end of the budget.
    expect(waited).toBeGreaterThan(0);
  });
});
