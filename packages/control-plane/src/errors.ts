import type { ErrorCode } from "@signalbox/protocol";

/** A refusal that the caller can act on: a code of the table, and what was wanted and what stood in the way. */
export class ControlPlaneError extends Error {
  override readonly name: string = "ControlPlaneError";
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

/** There is no such thing for this org; that it exists for another one is not said. */
export class NotFoundError extends ControlPlaneError {
  override readonly name = "NotFoundError";

  constructor(
    noun:
      | "run"
      | "step"
      | "attempt"
      | "gate"
      | "runner"
      | "project"
      | "artifact"
      | "file"
      | "token"
      | "plugin"
      | "session"
      | "approval"
      | "webhook"
      | "delivery",
    id: string,
  ) {
    super(`${noun.toUpperCase()}_NOT_FOUND` as ErrorCode, `there is no ${noun} ${id}`, { id });
  }
}

/** The request does not have the documented shape. */
export class InvalidRequestError extends ControlPlaneError {
  override readonly name = "InvalidRequestError";

  constructor(issues: readonly RequestIssue[]) {
    const [first] = issues;
    super(
      "VALIDATION_ERROR",
      first ? `${first.path === "" ? "request" : first.path}: ${first.message}` : "the request is not valid",
      { issues },
    );
  }
}

/** One thing that is wrong with a request: where, and what. */
export interface RequestIssue {
  readonly path: string;
  readonly message: string;
}
