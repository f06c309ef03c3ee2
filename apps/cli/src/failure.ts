import { CommandError } from "./errors.ts";
import { EXIT_CODES, type ExitName } from "./exit-codes.ts";
import { remoteText } from "./text/remote-text.ts";

/** What went wrong, for people and for programs. */
export interface Failure {
  readonly exitCode: number;
  readonly message: string;
  readonly hint: string | undefined;
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly details?: Readonly<Record<string, unknown>>;
  };
}

/** What an error means for the person who ran the command; undefined for a bug. */
export function describeFailure(error: unknown): Failure | undefined {
  if (error instanceof CommandError) return failure(error.exit, error.code, error.message, error.hint, error.details);
  if (!(error instanceof Error)) return undefined;
  // The client is loaded only by commands that talk to a server, so its errors are known by name here.
  if (error.name === "ConnectionError") return failure("unreachable", "UNREACHABLE", error.message, UNREACHABLE_HINT);
  if (error.name === "UnexpectedAnswerError")
    return failure("unreachable", "UNEXPECTED_ANSWER", error.message, UNEXPECTED_HINT);
  if (error.name === "RequestRefusedError") return refusal(error as RefusedError);
  return undefined;
}

interface RefusedError extends Error {
  readonly code: string;
  readonly status: number;
  readonly details: Readonly<Record<string, unknown>>;
  readonly requestId?: string;
}

const UNREACHABLE_HINT = "start one with `signalbox up`, or name another with --server or SIGNALBOX_URL";
const UNEXPECTED_HINT = "check --server or SIGNALBOX_URL, and that client and server are of one version";

const HINTS: Readonly<Record<string, string>> = {
  UNAUTHORIZED: "give a token with --token or SIGNALBOX_TOKEN; `signalbox token path` shows where the local one is",
  FORBIDDEN: "ask an admin for a token with the scope that is missing",
  RUN_NOT_FOUND: "`signalbox runs` lists what is there",
  GATE_NOT_FOUND: "`signalbox gates` lists what waits for a decision",
  RUNNER_NOT_FOUND: "`signalbox runners` lists what is there",
  PLUGIN_NOT_FOUND: "`signalbox plugins` lists what is there",
  TOKEN_NOT_FOUND: "`signalbox token list` lists what is there",
  PROJECT_NOT_FOUND: "`signalbox projects` lists what is there",
  FILE_NOT_FOUND: "`signalbox files <run>` lists what is there",
  SESSION_NOT_FOUND: "`signalbox sessions` lists what is there",
  APPROVAL_NOT_FOUND: "`signalbox approvals` lists what waits for a decision",
  INVALID_PROVIDER: "`signalbox runners` shows which machines have which agents",
  CONTENT_CHANGED: "look again before you decide",
  NO_PLUGIN_FITS: "`signalbox plugins route` shows why each plugin does not fit",
  STORAGE_FULL: "free some disk space where the server keeps its data",
};

function refusal(error: RefusedError): Failure {
  const exit: ExitName =
    error.status === 401 || error.status === 403 ? "notPermitted" : error.status === 400 ? "usage" : "failed";
  const request = error.requestId === undefined ? {} : { requestId: error.requestId };
  const lines = [error.message, ...issuesOf(error.details)];
  return failure(exit, error.code, lines.join("\n  "), HINTS[error.code], { ...error.details, ...request });
}

/** The fields that a validation names, one to a line. */
function issuesOf(details: Readonly<Record<string, unknown>>): string[] {
  const issues: unknown = details["issues"];
  if (!Array.isArray(issues)) return [];
  return issues.slice(0, 10).map((issue: { path?: unknown; message?: unknown }) => {
    const path = Array.isArray(issue.path) ? issue.path.join(".") : typeof issue.path === "string" ? issue.path : "";
    return `${path === "" ? "request" : path}: ${String(issue.message)}`;
  });
}

function failure(
  exit: ExitName,
  code: string,
  message: string,
  hint: string | undefined,
  details?: Readonly<Record<string, unknown>>,
): Failure {
  return {
    exitCode: EXIT_CODES[exit].code,
    message: message.split("\n").map(remoteTextKeepingIndent).join("\n"),
    hint,
    error: { code, message, ...(details && Object.keys(details).length > 0 ? { details } : {}) },
  };
}

function remoteTextKeepingIndent(line: string): string {
  return (/^ */.exec(line)?.[0] ?? "") + remoteText(line);
}
