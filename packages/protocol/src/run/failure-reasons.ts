import * as z from "zod";

interface FailureReasonRow {
  /** `work` failed, the `infrastructure` under it was lost, or somebody took a `decision`. */
  readonly kind: "work" | "infrastructure" | "decision";
  readonly meaning: string;
}

/** Why a run, step or attempt ended without success: a closed list. Infrastructure is counted apart from work. */
export const FAILURE_REASONS = {
  permission_error: { kind: "work", meaning: "A file or the system denied permission." },
  missing_dependency: { kind: "work", meaning: "A tool or file that the step needs is not there." },
  timeout: { kind: "work", meaning: "The time limit passed." },
  tool_failure: { kind: "work", meaning: "The tool ran and reported failure." },
  runtime_error: { kind: "work", meaning: "The step broke while it ran." },
  tool_not_allowed: { kind: "decision", meaning: "The agent used a tool that the step does not allow." },
  workspace_conflict: { kind: "work", meaning: "Two steps that ran side by side changed the same file." },
  needs_failed: { kind: "work", meaning: "A step that this one needs did not succeed." },
  policy_refused: { kind: "decision", meaning: "The policy of the runner's owner refuses this step." },
  sandbox_unavailable: { kind: "infrastructure", meaning: "The step demands a sandbox that the runner lacks." },
  workspace_unavailable: { kind: "infrastructure", meaning: "The workspace could not be prepared." },
  envelope_mismatch: { kind: "decision", meaning: "What was to run is not what was approved." },
  gate_denied: { kind: "decision", meaning: "Somebody said no at a gate." },
  gate_expired: { kind: "decision", meaning: "Nobody answered a gate in time; that means no." },
  budget_exhausted: { kind: "decision", meaning: "The budget was used up, and nobody allowed more." },
  cancelled: { kind: "decision", meaning: "Somebody cancelled the run." },
  runner_lost: { kind: "infrastructure", meaning: "The lease ended without a word from the runner, too often." },
  interrupted: { kind: "infrastructure", meaning: "The runner restarted and the work had stopped, too often." },
} as const satisfies Record<string, FailureReasonRow>;

export const FailureReasonSchema = z.enum(Object.keys(FAILURE_REASONS) as [FailureReason, ...FailureReason[]]);
export type FailureReason = keyof typeof FAILURE_REASONS;
