import type { FailureReason } from "@signalbox/protocol";

import { StepError } from "../supervisor/step-error.ts";

/** How a remote can refuse, and what the step's failure is then. */
const KINDS = {
  GIT_AUTH: {
    reason: "permission_error",
    meaning: "the remote does not take this machine's credential, or its host is not known",
  },
  GIT_NOT_FOUND: {
    reason: "missing_dependency",
    meaning: "the remote has no such repository, or does not show it to this machine",
  },
  GIT_UNREACHABLE: { reason: "tool_failure", meaning: "the remote cannot be reached" },
  NON_FAST_FORWARD: { reason: "tool_failure", meaning: "the branch has other commits, which are left as they are" },
  PUSH_DECLINED: { reason: "tool_failure", meaning: "the remote's rules or hooks refuse the push" },
  GIT_FAILED: { reason: "tool_failure", meaning: "git failed" },
} as const satisfies Record<string, { readonly reason: FailureReason; readonly meaning: string }>;
export type GitFailureKind = keyof typeof KINDS;

/** Git did not do what it was to do with a remote; the message begins with the kind and ends with the words that it heard. */
export class GitFailure extends StepError {
  readonly kind: GitFailureKind;

  constructor(kind: GitFailureKind, words: string) {
    const { reason, meaning } = KINDS[kind];
    super(reason, `${kind}: ${meaning}${words === "" ? "" : `: ${words}`}`);
    this.kind = kind;
  }
}

/** Signs of each kind in what git prints (in English: its language is set). The first that fits counts. */
const SIGNS: readonly (readonly [GitFailureKind, RegExp])[] = [
  ["NON_FAST_FORWARD", /\[rejected\].*\((non-fast-forward|fetch first|stale info|needs force)\)/],
  ["PUSH_DECLINED", /\[remote rejected\]|pre-receive hook declined|protected branch/i],
  ["GIT_AUTH", /Authentication failed|could not read (Username|Password)|terminal prompts disabled/i],
  ["GIT_AUTH", /requested URL returned error: 40[13]|HTTP 40[13]|Permission denied|Host key verification failed/i],
  ["GIT_NOT_FOUND", /repository '.*' not found|Repository not found|does not appear to be a git repository/i],
  ["GIT_NOT_FOUND", /requested URL returned error: 404/i],
  ["GIT_UNREACHABLE", /Could not resolve host|Failed to connect|Connection (refused|timed out|reset)|SSL|certificate/i],
  ["GIT_UNREACHABLE", /requested URL returned error: 5\d\d|early EOF|hung up unexpectedly/i],
];

/** What git's output says of its failure. Pure. */
export function kindOfFailure(output: string): GitFailureKind {
  return SIGNS.find(([, sign]) => sign.test(output))?.[0] ?? "GIT_FAILED";
}
