/** What an agent session refuses or fails with, and whether the same attempt can succeed later. */
export const AGENT_ERRORS = {
  INVALID_SPEC: { isRetryable: false },
  SPAWN_FAILED: { isRetryable: false },
  HANDSHAKE_TIMEOUT: { isRetryable: true },
  HANDSHAKE_FAILED: { isRetryable: false },
  RESUME_FAILED: { isRetryable: false },
  SESSION_ENDED: { isRetryable: false },
  TURN_RUNNING: { isRetryable: true },
  NO_TURN: { isRetryable: false },
  UNKNOWN_REQUEST: { isRetryable: false },
  INVALID_ANSWER: { isRetryable: false },
  INVALID_PROMPT: { isRetryable: false },
  NOT_SUPPORTED: { isRetryable: false },
  CALL_FAILED: { isRetryable: false },
  CALL_TIMEOUT: { isRetryable: true },
  UNKNOWN_PROVIDER: { isRetryable: false },
} as const satisfies Record<string, { readonly isRetryable: boolean }>;

/** The `code` of an `AgentError`. */
export type AgentErrorCode = keyof typeof AGENT_ERRORS;

/** A refusal or failure that the user of a session can act on, told apart by `code`. */
export class AgentError extends Error {
  override readonly name = "AgentError";
  readonly code: AgentErrorCode;
  /** Whether the same attempt can succeed later. */
  readonly isRetryable: boolean;
  /** The facts of the message, for those who compose their own. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: AgentErrorCode,
    message: string,
    details: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.code = code;
    this.isRetryable = AGENT_ERRORS[code].isRetryable;
    this.details = details;
  }
}

/** Whether something caught is an `AgentError` of one of these codes (of any, when none is named). */
export function isAgentError(error: unknown, ...codes: readonly AgentErrorCode[]): error is AgentError {
  return error instanceof AgentError && (codes.length === 0 || codes.includes(error.code));
}
