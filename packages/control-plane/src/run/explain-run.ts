import type { WaitingReason } from "@signalbox/protocol";
import { readyStepOf, type PlannedStep, type RunRows, type StepProgress } from "@signalbox/store";

import type { Dispatcher } from "../runner/dispatcher.ts";
import { freeSlotsOf, type Fleet } from "../runner/fleet.ts";
import { missingFrom } from "../runner/placement.ts";
import { toWaitingStep } from "../runner/ready-queue.ts";
import { readableRun, type ReadableRun } from "./run-view.ts";

/** Why the steps of a run that are not over do not run. */
export function explainRun(rows: RunRows, fleet: Fleet, dispatcher: Dispatcher): WaitingReason[] {
  const run = readableRun(rows.run);
  return rows.plan.flatMap((planned, index) => {
    const step = run.progress.steps[index];
    return step ? (explainStep(run, step, planned, fleet, dispatcher) ?? []) : [];
  });
}

function explainStep(
  run: ReadableRun,
  step: StepProgress,
  planned: PlannedStep,
  fleet: Fleet,
  dispatcher: Dispatcher,
): WaitingReason | undefined {
  if (step.state === "waiting") return { step: step.name, reason: "gate", message: "a person has to decide" };
  if (step.state === "delayed")
    return {
      step: step.name,
      reason: "delayed",
      message: `another attempt follows after: ${step.message ?? step.reason ?? "a failure"}`,
    };
  if (step.state === "pending")
    return { step: step.name, reason: "needs", message: "steps that it needs are not over" };
  if (step.state !== "ready" || step.live !== null) return undefined;
  if (run.progress.askedAgain?.some(({ index }) => planned.gates.includes(index)))
    return {
      step: step.name,
      reason: "gate",
      message: "who had said yes may not decide any more; a person has to decide again",
    };
  if (run.ledger?.waiting.includes(run.progress.steps.indexOf(step)))
    return { step: step.name, reason: "budget", message: "the run's budget is used up; somebody may allow more" };
  const waiting = toWaitingStep(
    readyStepOf({ id: run.id, orgId: run.org_id, projectId: run.project_id, progress: run.progress }, step, planned),
  );
  const holder = dispatcher.keyHolder(waiting);
  if (holder !== undefined)
    return {
      step: step.name,
      reason: "concurrency_key",
      message: `step ${holder} holds the key ${waiting.step.concurrencyKey ?? ""}`,
    };
  return { step: step.name, ...explainFleet(fleet, run.org_id, waiting.step.requires) };
}

function explainFleet(
  fleet: Fleet,
  orgId: string,
  requires: Parameters<typeof missingFrom>[2],
): Omit<WaitingReason, "step"> {
  const own = [...fleet].filter((runner) => runner.orgId === orgId);
  if (own.length === 0) return { reason: "no_runner", message: "no runner is connected" };
  const fitting = own.filter((runner) => missingFrom(runner, orgId, requires) === undefined);
  if (fitting.length === 0) {
    const missing = own.map((runner) => missingFrom(runner, orgId, requires) ?? "").find((text) => text !== "");
    return {
      reason: "no_matching_runner",
      message: `no connected runner fits; the first lacks ${missing ?? "what is required"}`,
    };
  }
  if (fitting.every((runner) => runner.isDraining))
    return { reason: "runner_draining", message: "every runner that fits is draining" };
  if (fitting.every((runner) => freeSlotsOf(runner) === 0))
    return { reason: "runners_full", message: "every runner that fits is full" };
  return { reason: "runners_full", message: "an offer is on its way, or the runner that has the workspace is full" };
}
