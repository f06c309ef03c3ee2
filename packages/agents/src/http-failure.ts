import type { AgentFailure } from "./agent-event.ts";

/** What the status of a model endpoint's answer means; undefined when there was no answer. Pure. */
export function failureOfStatus(status: number | undefined): Pick<AgentFailure, "code" | "isRetryable"> {
  if (status === undefined) return { code: "connection", isRetryable: true };
  if (status === 401 || status === 403) return { code: "authentication", isRetryable: false };
  if (status === 429) return { code: "rate_limited", isRetryable: true };
  if (status === 503 || status === 529) return { code: "overloaded", isRetryable: true };
  if (status >= 500) return { code: "server_error", isRetryable: true };
  return { code: "invalid_request", isRetryable: false };
}
