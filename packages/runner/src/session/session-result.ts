import type { AgentEventOf, AgentFailure } from "@signalbox/agents";
import type { FailureReason, SessionEndReason } from "@signalbox/protocol";

import type { ToolResult } from "../tools/tool.ts";

/** What is known of a session when its agent has gone. */
export interface SessionEnding {
  readonly provider: string;
  /** The agent's last event. */
  readonly exit: AgentEventOf<"process.exited">;
  /** Why the control plane had it closed, if it did. */
  readonly closed: { readonly reason: SessionEndReason; readonly message?: string | undefined } | undefined;
  /** Why its last turn failed, if it did. */
  readonly failure: AgentFailure | undefined;
  /** What it did although the step does not allow it. */
  readonly violation: string | undefined;
  /** The files that it wrote. */
  readonly files: readonly string[];
}

/** How a step ends whose session ended so; "well" is no failure. */
const REASONS: Readonly<Record<SessionEndReason, FailureReason | "well">> = {
  finished: "well",
  closed: "well",
  inactive: "well",
  stopped: "cancelled",
  cancelled: "cancelled",
  agent_failed: "tool_failure",
  agent_crashed: "runtime_error",
  agent_silent: "runtime_error",
  protocol_error: "runtime_error",
  provider_unavailable: "missing_dependency",
  approval_expired: "gate_expired",
  budget_exhausted: "budget_exhausted",
  timed_out: "timeout",
  runner_lost: "runner_lost",
  step_failed: "runtime_error",
};

/** Failed turns that say more than that the agent failed. */
const FAILURES: Readonly<Partial<Record<AgentFailure["code"], FailureReason>>> = {
  authentication: "permission_error",
  protocol_error: "runtime_error",
  agent_exited: "runtime_error",
};

/** The result of the step that a session is the work of. What the agent wrote is kept however it ended. Pure. */
export function sessionResult(ending: SessionEnding): ToolResult {
  const { provider, files } = ending;
  return { ...outcomeOf(ending), outputs: { agent: provider, files }, artifacts: files };
}

/** The same for a session that never had an agent. Pure. */
export function unopenedResult(reason: SessionEndReason, message: string): ToolResult {
  return failed(reasonOf(reason), message);
}

/** The same for a session that somebody ended before its agent was ready. Pure. */
export function unbegunResult({ reason, message }: Exclude<SessionEnding["closed"], undefined>): ToolResult {
  if (REASONS[reason] === "well") return { outcome: "succeeded" };
  return failed(reasonOf(reason), message ?? `the session was closed: ${reason}`);
}

function outcomeOf({ exit, closed, failure, violation }: SessionEnding): ToolResult {
  if (violation !== undefined)
    return failed("tool_not_allowed", `the agent did what the step does not allow: ${violation}`);
  if (!closed) return failed("runtime_error", exit.message);
  if (closed.reason === "agent_failed" && failure)
    return failed(FAILURES[failure.code] ?? "tool_failure", failure.message);
  return unbegunResult(closed);
}

function reasonOf(reason: SessionEndReason): FailureReason {
  const known = REASONS[reason];
  return known === "well" ? "runtime_error" : known;
}

function failed(reason: FailureReason, message: string): ToolResult {
  return { outcome: "failed", reason, message: message.slice(0, 4_000) };
}
