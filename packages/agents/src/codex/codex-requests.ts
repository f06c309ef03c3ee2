import type { ApprovalOption } from "../agent-event.ts";
import type { CheckedAnswer } from "../session/check-answer.ts";
import type { ApprovalNews, QuestionNews } from "../session/news.ts";
import { withoutUndefined } from "../without-undefined.ts";
import {
  CommandApprovalSchema,
  FileChangeApprovalSchema,
  PermissionsApprovalSchema,
  UserInputSchema,
} from "./codex-frames.ts";

/** A request of the app-server that somebody must answer, and how an answer is put to it. */
export interface CodexRequest {
  readonly news: ApprovalNews | QuestionNews;
  readonly respond: (answer: CheckedAnswer) => unknown;
}

/** What the app-server asks. Undefined for a method that this side does not have. Pure. */
export function readCodexRequest(method: string, key: string, params: unknown): CodexRequest | undefined {
  switch (method) {
    case "item/commandExecution/requestApproval":
      return commandRequest(key, params);
    case "item/fileChange/requestApproval":
      return fileChangeRequest(key, params);
    case "item/permissions/requestApproval":
      return permissionsRequest(key, params);
    case "item/tool/requestUserInput":
      return userInputRequest(key, params);
    default:
      return undefined;
  }
}

/** The option's id is what codex calls the decision. */
const OPTIONS: ApprovalOption[] = [
  { id: "accept", label: "Allow", effect: "allow" },
  { id: "acceptForSession", label: "Allow for this session", effect: "allow_session" },
  { id: "decline", label: "Deny", effect: "deny" },
  { id: "cancel", label: "Deny and end the turn", effect: "deny_and_stop" },
];

/** It does not list `decline`, and takes it. */
function offered(decisions: readonly unknown[] | undefined): ApprovalOption[] {
  return OPTIONS.filter(({ id }) => id === "decline" || !decisions || decisions.includes(id));
}

function decide(answer: CheckedAnswer): unknown {
  const option = answer.kind === "allow" || answer.kind === "deny" ? answer.option : undefined;
  return { decision: option?.id ?? (answer.kind === "deny" ? "decline" : "cancel") };
}

function commandRequest(key: string, params: unknown): CodexRequest {
  const read = CommandApprovalSchema.parse(params);
  const host = read.networkApprovalContext?.host ?? undefined;
  return {
    news: {
      news: "approval",
      key,
      kind: read.networkApprovalContext ? "network" : "command",
      options: offered(read.availableDecisions ?? undefined),
      ...withoutUndefined({
        title: host === undefined ? undefined : `connect to ${host}`,
        reason: read.reason ?? undefined,
      }),
      tool: {
        toolCallId: read.itemId,
        kind: "command",
        ...withoutUndefined({
          command: read.command ?? undefined,
          cwd: read.cwd ?? undefined,
          title: read.command ?? undefined,
        }),
      },
    },
    respond: decide,
  };
}

/** What will change was told with the item, and the session adds it. */
function fileChangeRequest(key: string, params: unknown): CodexRequest {
  const { itemId, reason, grantRoot } = FileChangeApprovalSchema.parse(params);
  const why = [reason, grantRoot && `may write below ${grantRoot} from now on`].filter(Boolean).join("; ");
  return {
    news: {
      news: "approval",
      key,
      kind: "file_change",
      options: OPTIONS,
      ...(why === "" ? {} : { reason: why }),
      tool: { toolCallId: itemId, kind: "file_change" },
    },
    respond: decide,
  };
}

/** What is granted is exactly what was asked for, and holds for the turn or the session. */
function permissionsRequest(key: string, params: unknown): CodexRequest {
  const { itemId, reason, cwd, permissions } = PermissionsApprovalSchema.parse(params);
  return {
    news: {
      news: "approval",
      key,
      kind: "permissions",
      title: "more permissions",
      options: OPTIONS.filter(({ effect }) => effect !== "deny_and_stop"),
      ...withoutUndefined({ reason: reason ?? undefined }),
      tool: { toolCallId: itemId, input: permissions, ...withoutUndefined({ cwd: cwd ?? undefined }) },
    },
    respond: (answer) => ({
      permissions: answer.kind === "allow" ? permissions : {},
      scope: answer.kind === "allow" && answer.option.effect === "allow_session" ? "session" : "turn",
    }),
  };
}

function userInputRequest(key: string, params: unknown): CodexRequest {
  const { itemId, questions } = UserInputSchema.parse(params);
  return {
    news: {
      news: "question",
      key,
      toolCallId: itemId,
      questions: questions.map(({ id, header, question, isOther, options }) => ({
        id,
        text: [header, question].filter(Boolean).join(": "),
        options: (options ?? []).map(({ label, description }) => ({
          label,
          ...withoutUndefined({ description: description ?? undefined }),
        })),
        allowsMany: false,
        allowsText: isOther || (options ?? []).length === 0,
      })),
    },
    respond: (answer) => ({
      answers:
        answer.kind === "answers"
          ? Object.fromEntries(Object.entries(answer.answers).map(([id, answers]) => [id, { answers }]))
          : {},
    }),
  };
}
