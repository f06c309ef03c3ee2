import { StepSchema, type AttemptResult, type RetryPolicy } from "@signalbox/protocol";
import { describe, expect, it } from "vitest";

import { Fleet, resultOf, sha256 } from "../../../test/_support/fleet.ts";

describe("finishAttempt", () => {
  it.each([
    ["succeeded", {}, "succeeded: succeeded", "succeeded"],
    ["skipped", {}, "succeeded: skipped", "skipped"],
    ["failed", { reason: "tool_failure" }, "failed: failed", "failed"],
    ["failed", {}, "failed: failed", "failed"],
    ["cancelled", {}, "cancelled: cancelled", "cancelled"],
    ["interrupted", {}, "running: ready", "interrupted"],
  ] as const)("brings an attempt that %s (%j) to %s", async (outcome, more, states, attemptState) => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["work"]);

    await fleet.attempt(runId, 0, { outcome, ...more });

    expect(await fleet.states(runId)).toBe(states);
    expect((await fleet.progress(runId)).steps[0]?.attempts[0]).toMatchObject({
      state: attemptState,
      endedAt: fleet.now,
    });
  });

  it("begins the next step, and ends the run with the last", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["a", "b"]);

    await fleet.attempt(runId, 0);
    expect(await fleet.states(runId)).toBe("running: succeeded ready");
    await fleet.attempt(runId, 1, { outputs: { url: "x" } });

    expect(await fleet.states(runId)).toBe("succeeded: succeeded succeeded");
    expect((await fleet.progress(runId)).steps[1]?.outputs).toEqual({ url: "x" });
    expect((await fleet.events(runId)).at(-1)).toBe("run.succeeded");
  });

  it("takes success from an attempt whose start was never heard of", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["work"]);
    const held = await fleet.lease(runId, 0);

    await fleet.finish(held);

    expect(await fleet.states(runId)).toBe("succeeded: succeeded");
  });

  it("cuts off all that stands behind a failure, and lets the rest go on", async () => {
    await using fleet = await Fleet.open();
    const command = { tool: "command" };
    const { runId } = await fleet.createRun([
      { name: "a", ...command },
      { name: "b", ...command, needs: ["a"] },
      { name: "c", ...command, needs: ["b"] },
      { name: "d", ...command, needs: [] },
    ]);

    await fleet.attempt(runId, 0, { outcome: "failed", reason: "tool_failure", message: "no" });
    expect(await fleet.states(runId)).toBe("running: failed skipped skipped ready");
    await fleet.attempt(runId, 3);

    expect(await fleet.states(runId)).toBe("failed: failed skipped skipped succeeded");
    const { reason, message, steps } = await fleet.progress(runId);
    expect([reason, message]).toEqual(["tool_failure", "step a failed: no"]);
    expect(steps.map(({ cutOff }) => cutOff)).toEqual([false, true, true, false]);
  });

  it("is applied once: the same again is a duplicate, another result is too late", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["work"]);
    const held = await fleet.lease(runId, 0);
    const first = await fleet.finish(held);

    const again = await fleet.finish(held);
    const other = fleet.finish(held, { outcome: "failed", reason: "timeout" });

    expect([first.verdict, again.verdict]).toEqual(["applied", "duplicate"]);
    await expect(other).rejects.toMatchObject({ code: "FENCED" });
    expect((await fleet.events(runId)).filter((type) => type === "step.finished")).toHaveLength(1);
  });

  it.each([
    ["a stale epoch", { epoch: 0 }],
    ["an epoch to come", { epoch: 2 }],
    ["another runner", { runnerId: "rnr_2" }],
  ])("is fenced with %s", async (_, over) => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["work"]);
    const held = await fleet.lease(runId, 0);

    await expect(fleet.finish(held, {}, over)).rejects.toMatchObject({ code: "FENCED" });

    expect(await fleet.states(runId)).toBe("queued: ready");
  });

  it("is fenced when the attempt was lost and another runs", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["work"]);
    const first = await fleet.lease(runId, 0);
    await fleet.start(first);
    await fleet.lose(first);
    const second = await fleet.lease(runId, 0, { runnerId: "rnr_2" });

    await expect(fleet.finish(first)).rejects.toMatchObject({ code: "FENCED" });
    await fleet.finish(second);

    expect((await fleet.progress(runId)).steps[0]?.attempts.map(({ state }) => state)).toEqual(["lost", "succeeded"]);
  });

  it("waits for output that has not arrived and says where each stream is", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["work"]);
    const held = await fleet.lease(runId, 0);
    await fleet.output(held, 0, "abc");
    const streams: AttemptResult["streams"] = [
      { stream: "stdout", length: 5, sha256: sha256("abcde") },
      { stream: "stderr", length: 0, sha256: sha256("") },
    ];

    const early = fleet.finish(held, { streams });
    await expect(early).rejects.toMatchObject({
      code: "INCOMPLETE_OUTPUT",
      details: { streams: [{ stream: "stdout", offset: 3 }] },
    });
    await fleet.output(held, 3, "de");
    const finished = await fleet.finish(held, { streams });

    expect(finished.verdict).toBe("applied");
  });

  it("refuses a workspace that was merged with one that is no more", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["a", { name: "b", tool: "command", needs: [] }]);
    const [a, b] = [await fleet.lease(runId, 0), await fleet.lease(runId, 1)];
    await fleet.finish(
      a,
      {},
      { merged: { from: null, to: "m1", repo: { url: "https://example.com/r.git", branch: "main" } } },
    );

    const stale = fleet.finish(b, {}, { merged: { from: null, to: "m2", repo: null } });
    await expect(stale).rejects.toMatchObject({ code: "CONTENT_CHANGED" });
    await fleet.finish(b, {}, { merged: { from: "m1", to: "m2", repo: null } });

    expect(await fleet.progress(runId)).toMatchObject({ manifest: "m2", repo: { url: "https://example.com/r.git" } });
  });

  it("keeps artifacts of a success in order, and none of a failure", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["a", { name: "b", tool: "command", needs: [] }]);
    const artifacts = ["report.md", "data.json"].map((path) => ({ path, sha256: sha256(path), bytes: 3 }));

    await fleet.attempt(runId, 0, { artifacts });
    await fleet.attempt(runId, 1, { outcome: "failed", reason: "tool_failure", artifacts });

    const rows = await fleet.store.all("SELECT step_idx, path, type, kind, bytes FROM artifacts ORDER BY id");
    expect(rows).toEqual([
      { step_idx: 0, path: "report.md", type: "document", kind: "markdown", bytes: 3 },
      { step_idx: 0, path: "data.json", type: "data", kind: "json", bytes: 3 },
    ]);
  });

  it("leaves no reason of an earlier attempt on a step that succeeded", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun([
      { name: "work", tool: "command", retry: { maxAttempts: 2, initialDelayMs: 0 } },
    ]);
    await fleet.attempt(runId, 0, { outcome: "failed", reason: "timeout", message: "slow" });

    await fleet.attempt(runId, 0);

    expect((await fleet.progress(runId)).steps[0]).toMatchObject({
      state: "succeeded",
      reason: null,
      message: null,
      failures: 1,
    });
  });
});

describe("the retry of a step", () => {
  /** Fails over and over, fires every timer, and tells how the step went: `f` failed, `l` lost, a number for a delay. */
  async function fail(retry: Partial<RetryPolicy>, endings: string): Promise<string> {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun([{ name: "work", tool: "command", retry }]);
    let told = "";
    for (const ending of endings) {
      const held = await fleet.lease(runId, 0);
      await fleet.start(held);
      if (ending === "f") await fleet.finish(held, { outcome: "failed", reason: "tool_failure" });
      else await fleet.lose(held);
      told += ending;
      const [timer] = await fleet.timers();
      if (timer) {
        told += ` ${timer.due_at - fleet.now} `;
        fleet.now = timer.due_at;
        await fleet.fire(timer.id);
      }
    }
    return `${told}: ${(await fleet.progress(runId)).steps[0]?.state}`;
  }

  it.each([
    ["by default not at all", {}, "f", "f: failed"],
    ["as often as was asked, twice as late each time", { maxAttempts: 4 }, "ffff", "f 1000 f 2000 f 4000 f: failed"],
    [
      "no later than the longest delay",
      { maxAttempts: 4, maxDelayMs: 1_500 },
      "ffff",
      "f 1000 f 1500 f 1500 f: failed",
    ],
    ["at once where no delay is wanted", { maxAttempts: 2, initialDelayMs: 0 }, "ff", "ff: failed"],
    ["at once after the first loss, later after more", { maxLost: 3 }, "llll", "ll 1000 l 2000 l: failed"],
    ["never after a loss where none is allowed", { maxLost: 0 }, "l", "l: failed"],
    ["with failures and losses counted apart", { maxAttempts: 2, maxLost: 2 }, "lfll", "lf 1000 l 1000 l: failed"],
    ["with losses that do not use up attempts", { maxAttempts: 2, maxLost: 5 }, "llf", "ll 1000 f 1000 : ready"],
  ])("comes %s", async (_, retry, endings, told) => {
    expect(await fail(retry, endings)).toBe(told);
  });

  it.each([
    ["a reason on the list", ["timeout"], "timeout", "delayed"],
    ["a reason that is not on the list", ["timeout"], "tool_failure", "failed"],
    ["somebody's decision", undefined, "policy_refused", "failed"],
    ["a missing sandbox, which is a loss", ["timeout"], "sandbox_unavailable", "ready"],
  ] as const)("after %s", async (_, on, reason, state) => {
    await using fleet = await Fleet.open();
    const step = StepSchema.parse({ name: "work", tool: "command", retry: { maxAttempts: 5, ...(on ? { on } : {}) } });
    const { runId } = await fleet.createRun([step]);

    await fleet.attempt(runId, 0, { outcome: "failed", reason });

    expect((await fleet.progress(runId)).steps[0]?.state).toBe(state);
  });

  it("tells of the attempt that ended and of the delay", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun([{ name: "work", tool: "command", retry: { maxAttempts: 2 } }]);

    await fleet.attempt(runId, 0, resultOf({ outcome: "failed", reason: "timeout" }));

    expect((await fleet.events(runId)).slice(-2)).toEqual(["attempt.ended", "step.delayed"]);
  });
});
