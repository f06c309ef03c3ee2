import type { AgentFailure } from "../agent-event.ts";
import { isAgentError } from "../errors.ts";
import { toError } from "../to-error.ts";
import type { TurnStatus } from "./news.ts";
import type { ProcessEnd } from "./supervised-process.ts";

/** How a turn ends whose agent is gone. Pure. */
export function turnEndOf(reason: ProcessEnd["reason"], message: string): [TurnStatus, AgentFailure | undefined] {
  if (reason === "closed" || reason === "interrupt_ignored") return ["cancelled", undefined];
  const code = reason === "protocol_error" ? "protocol_error" : "agent_exited";
  return ["failed", { code, message, isRetryable: true }];
}

/** Why a prompt came to nothing that the agent would not take. Pure. */
export function failureOf(error: unknown): AgentFailure {
  return {
    code: "agent_error",
    message: toError(error).message,
    isRetryable: isAgentError(error) && error.isRetryable,
  };
}
