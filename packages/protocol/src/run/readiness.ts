import type { StepState } from "./run-states.ts";

/** What the order of steps looks at. */
export interface StepView {
  readonly name: string;
  readonly needs: readonly string[];
  readonly state: StepState;
}

const DONE: ReadonlySet<StepState> = new Set(["succeeded", "skipped"]);
const BROKEN: ReadonlySet<StepState> = new Set(["failed", "cancelled"]);

/** What can be said of the steps now: which may begin, which never can, and how the run stands. */
export interface Readiness {
  readonly ready: readonly string[];
  /** Pending steps behind a step that failed or was cancelled. */
  readonly unreachable: readonly string[];
  readonly outcome: "going" | "succeeded" | "failed" | "cancelled";
}

/**
 * Reads a run's steps: a pending step is ready once all it needs succeeded or was skipped as an outcome. A step that
 * a failure cut off is itself recorded as skipped with the reason `needs_failed`, so it must be told apart by `cutOff`.
 */
export function readSteps(steps: readonly (StepView & { readonly cutOff?: boolean })[]): Readiness {
  const byName = new Map(steps.map((step) => [step.name, step]));
  const broken = new Set(
    steps.filter((step) => BROKEN.has(step.state) || step.cutOff === true).map((step) => step.name),
  );
  const ready: string[] = [];
  const unreachable: string[] = [];
  for (const step of steps) {
    // Plans are in topological order, so a cut-off need is already in `broken` when its dependents are read.
    if (step.state !== "pending") continue;
    if (step.needs.some((need) => broken.has(need))) {
      unreachable.push(step.name);
      broken.add(step.name);
    } else if (step.needs.every((need) => DONE.has(byName.get(need)?.state ?? "failed"))) {
      ready.push(step.name);
    }
  }
  return { ready, unreachable, outcome: outcomeOf(steps, unreachable.length) };
}

function outcomeOf(steps: readonly StepView[], cutOff: number): Readiness["outcome"] {
  const states = steps.map((step) => step.state);
  const open = states.filter((state) => !DONE.has(state) && !BROKEN.has(state)).length - cutOff;
  if (open > 0) return "going";
  if (states.includes("failed")) return "failed";
  return states.includes("cancelled") ? "cancelled" : "succeeded";
}
