interface ErrorCodeRow {
  readonly status: number;
  /** Whether the same request can succeed later with nothing else changed. */
  readonly retryable: boolean;
  readonly meaning: string;
}

/** Every code that a refusal can carry: what it means, its HTTP status, and whether trying again helps. */
export const ERROR_CODES = {
  VALIDATION_ERROR: {
    status: 400,
    retryable: false,
    meaning: "The request does not have the documented shape; `details.issues` names the fields.",
  },
  MALFORMED_JSON: {
    status: 400,
    retryable: false,
    meaning: "The body is not JSON, or holds what JSON bodies may not hold here.",
  },
  MALFORMED_URL: { status: 400, retryable: false, meaning: "The path is spelled in a way that is not accepted." },
  UNKNOWN_TOOL: { status: 400, retryable: false, meaning: "A step names a tool that does not exist." },
  INVALID_MANIFEST: {
    status: 400,
    retryable: false,
    meaning: "The plugin's manifest cannot be used; `details.issues` names everything that is wrong with it.",
  },
  INVALID_PLAN: {
    status: 400,
    retryable: false,
    meaning: "The steps do not form a plan: a cycle, a missing need, a name used twice.",
  },
  ADDRESS_NOT_ALLOWED: {
    status: 400,
    retryable: false,
    meaning: "The URL leads to an address that the operator of this server has not allowed.",
  },
  PORT_NOT_ALLOWED: {
    status: 400,
    retryable: false,
    meaning: "A URL leads to a port that the server does not post to; its operator can allow it.",
  },
  INVALID_PROVIDER: { status: 400, retryable: false, meaning: "The agent provider is not supported." },
  UNAUTHORIZED: { status: 401, retryable: false, meaning: "No valid credential came with the request." },
  FORBIDDEN: { status: 403, retryable: false, meaning: "The credential does not permit this." },
  SELF_APPROVAL: {
    status: 403,
    retryable: false,
    meaning: "The project wants another to say yes than who asked for it.",
  },
  CROSS_ORIGIN: { status: 403, retryable: false, meaning: "The request comes from a page of another origin." },
  NOT_FOUND: { status: 404, retryable: false, meaning: "There is nothing at this path." },
  RUN_NOT_FOUND: { status: 404, retryable: false, meaning: "No such run for this org." },
  STEP_NOT_FOUND: { status: 404, retryable: false, meaning: "No such step in this run." },
  ATTEMPT_NOT_FOUND: { status: 404, retryable: false, meaning: "No such attempt for this org." },
  GATE_NOT_FOUND: { status: 404, retryable: false, meaning: "No such gate for this org." },
  RUNNER_NOT_FOUND: { status: 404, retryable: false, meaning: "No such runner for this org." },
  PROJECT_NOT_FOUND: { status: 404, retryable: false, meaning: "No such project for this org." },
  ARTIFACT_NOT_FOUND: {
    status: 404,
    retryable: false,
    meaning: "No such artifact, or its content was removed by retention.",
  },
  FILE_NOT_FOUND: { status: 404, retryable: false, meaning: "No such file in the workspace of this run." },
  PLUGIN_NOT_FOUND: { status: 404, retryable: false, meaning: "No such plugin for this org." },
  NO_PLUGIN_FITS: { status: 404, retryable: false, meaning: "No plugin is there for such a request." },
  SESSION_NOT_FOUND: { status: 404, retryable: false, meaning: "No such session for this org." },
  APPROVAL_NOT_FOUND: { status: 404, retryable: false, meaning: "No such approval for this org." },
  INPUT_NOT_FOUND: { status: 404, retryable: false, meaning: "No such input waits in this session." },
  WEBHOOK_NOT_FOUND: { status: 404, retryable: false, meaning: "No such webhook for this org." },
  DELIVERY_NOT_FOUND: {
    status: 404,
    retryable: false,
    meaning: "No such delivery of this webhook, or it is no longer kept.",
  },
  TOKEN_NOT_FOUND: { status: 404, retryable: false, meaning: "No such API token." },
  DIFF_NOT_FOUND: {
    status: 404,
    retryable: false,
    meaning: "There is no such diff of this session: it has no repository, or ended before one was taken.",
  },
  METHOD_NOT_ALLOWED: { status: 405, retryable: false, meaning: "The path exists, the method does not." },
  INVALID_STATE: { status: 409, retryable: false, meaning: "What was asked is not possible in the present state." },
  PROVIDER_UNAVAILABLE: {
    status: 409,
    retryable: true,
    meaning: "No runner of the org has this agent installed and configured.",
  },
  DIFF_UNAVAILABLE: {
    status: 409,
    retryable: true,
    meaning: "The session's machine cannot tell its diff now: it has not begun, is away, or is slow.",
  },
  TERMINAL_BUSY: { status: 409, retryable: true, meaning: "Somebody else holds the keyboard of this terminal." },
  FENCED: {
    status: 409,
    retryable: false,
    meaning: "A newer lease or connection exists; this one may not write any more.",
  },
  CONTENT_CHANGED: {
    status: 409,
    retryable: false,
    meaning: "The decision names another content than the gate or plugin has.",
  },
  REQUEST_IN_PROGRESS: {
    status: 409,
    retryable: true,
    meaning: "A request with the same idempotency key is still being worked on.",
  },
  BODY_TOO_LARGE: { status: 413, retryable: false, meaning: "The body is larger than the limit." },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, retryable: false, meaning: "The body must be application/json." },
  MISDIRECTED_REQUEST: { status: 421, retryable: false, meaning: "The Host header names a server that this is not." },
  IDEMPOTENCY_MISMATCH: {
    status: 422,
    retryable: false,
    meaning: "The idempotency key was used before with another request.",
  },
  RANGE_NOT_SATISFIABLE: { status: 416, retryable: false, meaning: "The range lies outside the content." },
  RUN_LIMIT_EXCEEDED: { status: 429, retryable: true, meaning: "The org has as many unfinished runs as it may have." },
  SESSION_LIMIT_EXCEEDED: {
    status: 429,
    retryable: true,
    meaning: "The org has as many live sessions as it may have.",
  },
  RUNNER_LIMIT_EXCEEDED: { status: 429, retryable: true, meaning: "The org has as many runners as it may have." },
  PLUGIN_LIMIT_EXCEEDED: { status: 429, retryable: true, meaning: "The org has as many plugins as it may have." },
  WEBHOOK_LIMIT_EXCEEDED: { status: 429, retryable: true, meaning: "The org has as many webhooks as it may have." },
  RATE_LIMITED: { status: 429, retryable: true, meaning: "Too many requests, or too many open streams." },
  PLUGIN_FAILED: {
    status: 424,
    retryable: true,
    meaning:
      "A plugin was asked and did not answer as it should; `details` says how. What was asked may have happened.",
  },
  PLUGIN_UNAVAILABLE: {
    status: 503,
    retryable: true,
    meaning: "Every plugin that fits is away or kept from harm by its circuit breaker; none was asked.",
  },
  BUSY: { status: 503, retryable: true, meaning: "The store has more work waiting than it takes; nothing was stored." },
  SHUTTING_DOWN: { status: 503, retryable: true, meaning: "The server is stopping; nothing was stored." },
  OUTCOME_UNKNOWN: {
    status: 503,
    retryable: true,
    meaning: "The store failed while it worked; repeat with the same idempotency key.",
  },
  STORAGE_FULL: { status: 507, retryable: true, meaning: "The disk is full; nothing was stored." },
} as const satisfies Record<string, ErrorCodeRow>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Whether a text is a code of the table. */
export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(ERROR_CODES, code);
}
