import { limit } from "@signalbox/protocol";
import { describe, expect, it } from "vitest";

import { BudgetRig } from "../../../test/_support/budget-rig.ts";

describe("what the agents of a run have used", () => {
  it("is added up over its steps and their attempts, without a budget too", async () => {
    await using rig = await BudgetRig.open(null, [null, null]);
    await rig.begin(0);
    await rig.begin(1);
    await rig.use(0, 100, 0.5);
    await rig.use(1, 30);
    await rig.use(0, 150, 0.75);
    await rig.fleet.lose(rig.held(0));
    await rig.begin(0);

    await rig.use(0, 20, 0.25);

    expect((await rig.ledger())?.used).toEqual({ inputTokens: 200, outputTokens: 0, costUsd: 1 });
    expect(await rig.problems()).toEqual([]);
  });

  it("is not told before the first of them begins", async () => {
    await using rig = await BudgetRig.open({ tokens: 100 }, [null]);

    expect(await rig.ledger()).toBeNull();
  });
});

describe("a run's budget", () => {
  it("stops the agent that uses the last of it, asks once, and tells it in the run's log", async () => {
    await using rig = await BudgetRig.open({ tokens: 100 }, [null]);
    await rig.begin(0);
    await rig.use(0, 99);
    const before = await rig.asked();

    const verdict = await rig.use(0, 100);
    await rig.use(0, 120);

    expect(before).toEqual([]);
    expect(await rig.commands(0)).toEqual(["interrupt"]);
    expect(await rig.asked()).toEqual(["0 extend_run_budget"]);
    expect(await rig.fleet.events(rig.runId)).toContain("budget.exhausted");
    expect(verdict?.session?.run).toMatchObject({ runId: rig.runId, state: "running" });
    expect(await rig.problems()).toEqual([]);
  });

  it("holds for costs as for tokens", async () => {
    await using rig = await BudgetRig.open({ tokens: 1_000_000, costUsd: 2 }, [null]);
    await rig.begin(0);

    await rig.use(0, 10, 2.01);

    expect(await rig.asked()).toEqual(["0 extend_run_budget"]);
  });

  it("is shared: what one agent used is gone for the others, each of which is stopped at its next word", async () => {
    await using rig = await BudgetRig.open({ tokens: 100 }, [null, null]);
    await rig.begin(0);
    await rig.begin(1);
    await rig.use(0, 60);

    await rig.use(1, 50);
    await rig.use(0, 61);

    expect(await rig.asked()).toEqual(["0 extend_run_budget", "1 extend_run_budget"]);
  });

  it("keeps apart what a step may use by itself, and gives back what it did not use", async () => {
    await using rig = await BudgetRig.open({ tokens: 100 }, [{ tokens: 70 }, null]);
    await rig.begin(0);
    await rig.begin(1);
    await rig.use(0, 20);
    await rig.use(1, 29);
    const within = await rig.asked();
    await rig.use(1, 30);
    const beyond = await rig.asked();

    await rig.finish(0);

    expect([within, beyond]).toEqual([[], ["1 extend_run_budget"]]);
    // The 50 that the first put aside and did not use.
    expect(await rig.asked()).toEqual([]);
    expect(await rig.commands(1)).toEqual(["interrupt", "resume"]);
    expect(await rig.ledger()).toMatchObject({ held: { 1: { drawn: { inputTokens: 30 } } }, waiting: [] });
    expect(await rig.problems()).toEqual([]);
  });

  it("lets a step go on that has not used its own part, when nothing is left for others", async () => {
    await using rig = await BudgetRig.open({ tokens: 100 }, [{ tokens: 50 }, null]);
    await rig.begin(0);
    await rig.begin(1);
    await rig.use(1, 80);

    await rig.use(0, 49);
    const within = await rig.asked();
    await rig.use(0, 50);

    expect(within).toEqual(["1 extend_run_budget"]);
    expect(await rig.asked()).toEqual(["0 extend_budget", "1 extend_run_budget"]);
  });

  it("gives back what a lost attempt had put aside", async () => {
    await using rig = await BudgetRig.open({ tokens: 100 }, [{ tokens: 70 }, { tokens: 70 }]);
    await rig.begin(0);
    await rig.use(0, 10);

    await rig.fleet.lose(rig.held(0));
    await rig.begin(1);

    expect(await rig.ledger()).toMatchObject({ held: { 1: { reserved: { tokens: 70 } } } });
    expect(Object.keys((await rig.ledger())?.held ?? {})).toEqual(["1"]);
  });
});

describe.each(["agent:codex", "codegen"] as const)("a step with the tool %s whose run has nothing left", (tool) => {
  const over = tool === "codegen" ? { provider: "codex" as const } : {};
  const spent = async () => {
    const rig = await BudgetRig.open({ tokens: 100 }, [null, null], { tool });
    await rig.begin(0, over);
    await rig.use(0, 130);
    return rig;
  };

  it("is not leased, and its session asks for more, once", async () => {
    await using rig = await spent();

    const first = await rig.tryBegin(1, over);
    const second = await rig.tryBegin(1, over);

    expect([first.attemptId, second.attemptId]).toEqual([null, null]);
    expect(first.sessions.flatMap(({ timers }) => timers)).toMatchObject([{ kind: "approval.expire" }]);
    expect(second.sessions).toEqual([]);
    expect(await rig.asked()).toEqual(["0 extend_run_budget", "1 extend_run_budget"]);
    expect((await rig.fleet.progress(rig.runId)).steps[1]).toMatchObject({ state: "ready", live: null, attempts: [] });
    expect(await rig.problems()).toEqual([]);
  });

  it("begins after a yes to any of those who wait, and all others go on with it", async () => {
    await using rig = await spent();
    await rig.tryBegin(1, over);

    const { run } = await rig.answer(1, "allow");

    expect(run?.ready.map(({ index }) => index)).toEqual([1]);
    expect(run?.sessions.map(({ sessionId }) => sessionId)).toEqual([rig.sessionId(0), rig.sessionId(1)]);
    expect(await rig.asked()).toEqual([]);
    expect(await rig.commands(0)).toEqual(["interrupt", "resume"]);
    expect(await rig.ledger()).toMatchObject({ budget: { tokens: 230 }, waiting: [] });
    expect(await rig.fleet.events(rig.runId)).toContain("budget.extended");
    await rig.begin(1, over);
    expect(await rig.problems()).toEqual([]);
  });

  it.each(["deny", "expire"] as const)("fails when the answer is %s, and the others wait on", async (move) => {
    await using rig = await spent();
    await rig.tryBegin(1, over);

    if (move === "deny") await rig.answer(1, "deny");
    else {
      rig.fleet.now += 7 * 24 * 3_600_000;
      await rig.fleet.fire(`approval.expire:${rig.sessionId(1).replace("ses_", "apr_")}.1`);
    }

    const { steps } = await rig.fleet.progress(rig.runId);
    expect(steps[1]).toMatchObject({ state: "failed", reason: "budget_exhausted" });
    expect(await rig.session(1)).toMatchObject({ state: "FAILED", reason: "budget_exhausted" });
    expect(await rig.asked()).toEqual(["0 extend_run_budget"]);
    expect(await rig.ledger()).toMatchObject({ waiting: [0] });
    expect(await rig.problems()).toEqual([]);
  });

  it("is ready again when another gives back what it had put aside", async () => {
    await using rig = await BudgetRig.open({ tokens: 100 }, [{ tokens: 100 }, null], { tool });
    await rig.begin(0, over);
    await rig.use(0, 40);
    await rig.tryBegin(1, over);
    const asked = await rig.asked();

    const outcome = await rig.finish(0);

    expect(asked).toEqual(["1 extend_run_budget"]);
    expect(outcome.ready.map(({ index }) => index)).toEqual([1]);
    expect(await rig.asked()).toEqual([]);
    await rig.begin(1, over);
    expect(await rig.problems()).toEqual([]);
  });

  it("is cancelled with its run", async () => {
    await using rig = await spent();
    await rig.tryBegin(1, over);

    await rig.fleet.cancel(rig.runId);

    expect(await rig.asked()).toEqual(["0 extend_run_budget"]);
    expect((await rig.fleet.progress(rig.runId)).steps[1]?.state).toBe("cancelled");
    expect(await rig.problems()).toEqual([]);
  });
});

describe("an agent that has asked for all that it may ask at once", () => {
  it("is stopped by the budget all the same, and that is asked too", async () => {
    await using rig = await BudgetRig.open({ tokens: 100 }, [null]);
    await rig.begin(0);
    const question = { kind: "permission", action: "write", description: "", context: {}, questions: null } as const;
    for (let number = 0; number < limit("approvals.pending"); number++)
      await rig.record(0, { fact: "asked", requestId: `r-${number}`, ...question });

    await rig.use(0, 100);

    expect(await rig.asked()).toContain("0 extend_run_budget");
  });
});

describe("a no to more of a run's budget", () => {
  it("ends the agent that asked, and with the step the reason stays", async () => {
    await using rig = await BudgetRig.open({ tokens: 100 }, [null]);
    await rig.begin(0);
    await rig.use(0, 100);

    await rig.answer(0, "deny");

    expect(await rig.commands(0)).toEqual(["interrupt", "close"]);
    expect((await rig.session(0))?.reason).toBe("budget_exhausted");
    await rig.finish(0, { outcome: "failed", reason: "budget_exhausted" });
    expect(await rig.session(0)).toMatchObject({ state: "FAILED", reason: "budget_exhausted" });
    expect(await rig.ledger()).toMatchObject({ held: {}, waiting: [] });
  });
});

describe("an agent that was refused more when another is allowed more", () => {
  it("ends all the same", async () => {
    await using rig = await BudgetRig.open({ tokens: 100 }, [null, null]);
    await rig.begin(0);
    await rig.begin(1);
    await rig.use(0, 60);
    await rig.use(1, 60);
    await rig.use(0, 61);
    await rig.answer(0, "deny");

    await rig.answer(1, "allow");

    expect(await rig.commands(0)).toEqual(["interrupt", "close"]);
    expect(await rig.commands(1)).toEqual(["interrupt", "resume"]);
    expect(await rig.session(0)).toMatchObject({ reason: "budget_exhausted" });
    expect(await rig.problems()).toEqual([]);
  });
});

describe("an agent that was refused more when its runner is lost", () => {
  it("is given to another runner, to end there", async () => {
    await using rig = await BudgetRig.open({ tokens: 100 }, [null]);
    await rig.begin(0);
    await rig.use(0, 100);
    await rig.answer(0, "deny");

    await rig.fleet.lose(rig.held(0));
    await rig.begin(0);

    expect(await rig.asked()).toEqual([]);
    expect(await rig.commands(0)).toEqual(["interrupt", "close", "close"]);
    expect(await rig.ledger()).toMatchObject({ waiting: [] });
  });
});

describe("a session whose own budget and that of its run are both used up", () => {
  it("needs a yes to each", async () => {
    await using rig = await BudgetRig.open({ tokens: 100 }, [{ tokens: 50 }, null]);
    await rig.begin(0);
    await rig.begin(1);
    await rig.use(1, 60);
    await rig.use(0, 60);
    const own = await rig.asked();

    await rig.answer(0, "allow");
    const both = await rig.asked();
    await rig.answer(0, "allow");

    expect(own).toEqual(["0 extend_budget", "1 extend_run_budget"]);
    expect(both).toEqual(["0 extend_run_budget", "1 extend_run_budget"]);
    expect(await rig.asked()).toEqual([]);
    expect(await rig.commands(0)).toEqual(["interrupt", "resume"]);
    expect(await rig.problems()).toEqual([]);
  });
});

describe("a session that waits for its run's budget when its runner is lost", () => {
  it("waits on without a runner, and its turn goes on after the yes", async () => {
    await using rig = await BudgetRig.open({ tokens: 100 }, [null]);
    await rig.begin(0);
    await rig.use(0, 100);
    await rig.record(0, { fact: "taken", seq: 1 }, { fact: "turn_ended", status: "cancelled" });
    await rig.fleet.lose(rig.held(0));
    const again = await rig.tryBegin(0);

    const { run } = await rig.answer(0, "allow");

    expect(again.attemptId).toBeNull();
    expect(run?.ready.map(({ index }) => index)).toEqual([0]);
    expect(await rig.commands(0)).toEqual(["interrupt"]);
    expect(await rig.session(0)).toMatchObject({ wasWorking: true, overBudget: false });
    await rig.begin(0);
    expect(await rig.ledger()).toMatchObject({ used: { inputTokens: 100 } });
    expect(await rig.problems()).toEqual([]);
  });
});
