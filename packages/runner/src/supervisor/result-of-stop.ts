import type { ToolResult } from "../tools/tool.ts";
import type { StopCause } from "./stop-switch.ts";

const RESULTS: Readonly<Record<Exclude<StopCause, "fenced">, Omit<ToolResult, "artifacts">>> = {
  cancel: { outcome: "cancelled", reason: "cancelled", message: "the step was asked to end" },
  abort: { outcome: "cancelled", reason: "cancelled", message: "the step was killed on request" },
  timeout: { outcome: "failed", reason: "timeout", message: "the time limit of the step passed" },
  lease: {
    outcome: "interrupted",
    reason: "interrupted",
    message: "the runner lost the control plane for longer than its lease",
  },
  leaving: {
    outcome: "interrupted",
    reason: "interrupted",
    message: "the runner was stopped before the step had ended",
  },
  tool: {
    outcome: "failed",
    reason: "tool_not_allowed",
    message: "the agent used a tool that the step does not allow",
  },
};

/** What a step that was stopped is reported as; undefined when it came to its own end. */
export function resultOfStop(cause: StopCause | undefined): Omit<ToolResult, "artifacts"> | undefined {
  return cause === undefined || cause === "fenced" ? undefined : RESULTS[cause];
}
