import { describe, expect, it } from "vitest";

import type { RunEventData, RunEventType } from "./run-events.ts";
import { foldRun, type FoldedEvent, type FoldedRun } from "./run-fold.ts";

const sandbox = { engine: "none", network: "host" };
const end = { goal: "g", duration: 1, steps_count: 1 };

function event<Type extends RunEventType>(type: Type, data: RunEventData<Type>): Omit<FoldedEvent, "seq"> {
  return { type, data };
}

const created = event("run.created", {
  goal: "g",
  projectId: "p",
  source: "plan",
  steps: [
    { name: "a", tool: "command", needs: [] },
    { name: "ask", tool: "gate:manual", needs: ["a"] },
    { name: "b", tool: "command", needs: ["ask"] },
  ],
});
const leased = (number: number, name = "a") =>
  event("attempt.leased", {
    name,
    attemptId: `${name}${number}`,
    epoch: number,
    runnerId: "r",
    number,
    envelopeHash: "h",
  });
const started = (number: number, name = "a") =>
  event("step.started", { name, attemptId: `${name}${number}`, epoch: number, runnerId: "r", number, sandbox });
const ended = (number: number, status: "failed" | "lost") =>
  event("attempt.ended", {
    name: "a",
    attemptId: `a${number}`,
    epoch: number,
    runnerId: "r",
    status,
    reason: status === "lost" ? "runner_lost" : "timeout",
  });
const finished = (number: number, status: "succeeded" | "failed" | "cancelled", name = "a") =>
  event("step.finished", {
    name,
    status,
    attemptId: `${name}${number}`,
    ...(status === "succeeded" ? {} : { reason: "timeout" as const }),
  });
const askedAs = (gateId: string) =>
  event("gate.pending", {
    name: "ask",
    gateId,
    gate_id: gateId,
    description: "?",
    approvers: [],
    contentHash: "c",
    expiresAt: "x",
  });
const asked = askedAs("g1");
const approved = event("gate.approved", { name: "ask", gateId: "g1" });
const passed = event("step.finished", { name: "ask", status: "succeeded" });
const begun = event("run.started", {});
/** Up to a gate that has let through what stands behind it, and to one whose yes did not count in the end. */
const open = [created, leased(1), begun, finished(1, "succeeded"), asked, approved, passed];
const lapsed = [...open, event("gate.superseded", { name: "ask", gateId: "g1" }), askedAs("g2")];
const refused = event("step.finished", { name: "b", status: "failed", reason: "gate_denied" });

function fold(events: readonly Omit<FoldedEvent, "seq">[]) {
  return foldRun(events.map((one, index) => ({ seq: index + 1, ...one })));
}

/** The events that do not fit; that the run has not ended yet is not looked at. */
function wrongIn({ illegal }: FoldedRun): number[] {
  return illegal.filter(({ message }) => !message.startsWith("every step is over")).map(({ seq }) => seq);
}

describe("foldRun", () => {
  it.each([
    ["a run that was just made", [created], "queued: ready pending pending"],
    ["a lease, which begins nothing yet", [created, leased(1)], "queued: ready pending pending"],
    ["a start", [created, leased(1), begun, started(1)], "running: running pending pending"],
    [
      "an attempt that was lost",
      [created, leased(1), begun, started(1), ended(1, "lost")],
      "running: ready pending pending",
    ],
    [
      "a delay",
      [created, leased(1), begun, started(1), ended(1, "failed"), event("step.delayed", { name: "a", delayMs: 5 })],
      "running: delayed pending pending",
    ],
    [
      "a gate that asks",
      [created, leased(1), begun, finished(1, "succeeded"), asked],
      "running: succeeded waiting pending",
    ],
    [
      "an answer",
      [created, leased(1), begun, finished(1, "succeeded"), asked, approved, passed],
      "running: succeeded succeeded ready",
    ],
    ["a gate that is asked again", lapsed, "running: succeeded succeeded ready"],
    [
      "a no to a gate that is asked again",
      [...lapsed, event("gate.denied", { name: "ask", gateId: "g2" }), refused],
      "running: succeeded succeeded failed",
    ],
  ])("reads %s", (_, events, states) => {
    const folded = fold(events);

    expect(`${folded.state}: ${folded.steps.map(({ state }) => state).join(" ")}`).toBe(states);
    expect(wrongIn(folded)).toEqual([]);
  });

  it("counts attempts, failures and losses, and knows how each attempt ended", () => {
    const folded = fold([
      created,
      leased(1),
      begun,
      ended(1, "lost"),
      leased(2),
      started(2),
      ended(2, "failed"),
      leased(3),
    ]);

    expect(folded.steps[0]).toMatchObject({ attempts: 3, failures: 1, losses: 1, liveAttempt: "a3" });
    expect([...folded.attempts.values()].map(({ state }) => state)).toEqual(["lost", "failed", "leased"]);
  });

  it("tells an attempt that was lost for good from its step, which failed", () => {
    const lost = event("step.finished", {
      name: "a",
      status: "failed",
      attemptId: "a1",
      attemptStatus: "lost",
      reason: "runner_lost",
    });

    const folded = fold([created, leased(1), begun, lost]);

    expect([folded.steps[0]?.state, folded.attempts.get("a1")?.state]).toEqual(["failed", "lost"]);
  });

  it.each([
    ["anything before the run was made", [leased(1)]],
    ["a run that is made twice", [created, created]],
    ["two attempts at once", [created, leased(1), leased(2)]],
    ["an attempt that skips a number", [created, leased(2)]],
    ["a lease before what the step needs", [created, leased(1, "b")]],
    ["a lease of what a person decides", [created, leased(1), begun, finished(1, "succeeded"), leased(1, "ask")]],
    ["a start of an attempt that was lost", [created, leased(1), begun, ended(1, "lost"), started(1)]],
    ["two successes", [created, leased(1), begun, finished(1, "succeeded"), finished(1, "succeeded")]],
    ["a gate before its time", [created, asked]],
    ["a passed gate that nobody answered", [created, leased(1), begun, finished(1, "succeeded"), asked, passed]],
    ["a second gate while the first counts", [...open, askedAs("g2")]],
    ["a second gate before the first was answered", [...open.slice(0, 5), askedAs("g2")]],
    ["a step that fails at a gate which lets it through", [...open, refused]],
    ["a step that fails at a gate which still asks", [...lapsed, refused]],
    ["an end with steps open", [created, begun, event("run.succeeded", end)]],
    [
      "a cut-off behind nothing",
      [created, event("step.finished", { name: "ask", status: "skipped", reason: "needs_failed" })],
    ],
    ["a step that is not in the plan", [created, leased(1, "z")]],
    [
      "an artifact of a step that has not succeeded",
      [created, event("artifact.created", { artifact_id: "x", path: "p", type: "t", kind: "k", bytes: 1, step: "a" })],
    ],
  ])("notes %s", (_, events) => {
    expect(wrongIn(fold(events))).toContain(events.length);
  });

  it("notes a run that goes on though nothing is left of it", () => {
    const events = [created, leased(1), begun, finished(1, "failed")];
    const cutOff = ["ask", "b"].map((name) =>
      event("step.finished", { name, status: "skipped", reason: "needs_failed" }),
    );

    expect(fold([...events, ...cutOff]).illegal).toMatchObject([
      { message: "every step is over and the run is still running" },
    ]);
  });
});
