import type { ApprovalOption, AgentEventOf } from "../agent-event.ts";
import type { CheckedAnswer } from "../session/check-answer.ts";
import type { ApprovalNews, QuestionNews } from "../session/news.ts";
import { withoutUndefined } from "../without-undefined.ts";
import { lookUp } from "../look-up.ts";
import { AskInputSchema } from "./claude-frames.ts";
import type { CanUseTool } from "./claude-frames.ts";
import { claudeTool } from "./claude-tools.ts";

/** Leave that Claude asks for, or a question, and how an answer is put to it. */
export interface ClaudeRequest {
  readonly news: ApprovalNews | QuestionNews;
  readonly respond: (answer: CheckedAnswer) => unknown;
}

/** What a `can_use_tool` asks. Pure. */
export function readClaudeRequest(key: string, request: CanUseTool): ClaudeRequest {
  const questions = request.tool_name === ASK_TOOL ? AskInputSchema.safeParse(request.input).data : undefined;
  return questions ? questionRequest(key, request, questions.questions) : approvalRequest(key, request);
}

const ASK_TOOL = "AskUserQuestion";

function approvalRequest(key: string, request: CanUseTool): ClaudeRequest {
  const { input, tool_name: name, decision_reason: reason, blocked_path: path } = request;
  const tool = claudeTool(request.tool_use_id ?? key, name, input);
  const why = [reason, path && `blocked path: ${path}`].filter(Boolean).join("; ");
  const grants = sessionGrants(request);
  return {
    news: {
      news: "approval",
      key,
      kind: lookUp(APPROVAL_KINDS, tool.kind) ?? "tool",
      ...(why === "" ? {} : { reason: why }),
      tool,
      options: optionsOf(grants),
    },
    respond: (answer) => {
      if (answer.kind !== "allow") return denial(answer);
      const updatedInput = answer.updatedInput ?? input;
      const isForSession = answer.option.effect === "allow_session";
      return { behavior: "allow", updatedInput, ...(isForSession ? { updatedPermissions: grants } : {}) };
    },
  };
}

type Suggestions = NonNullable<CanUseTool["permission_suggestions"]>;

const APPROVAL_KINDS: Readonly<Record<string, AgentEventOf<"approval.requested">["kind"]>> = {
  command: "command",
  file_change: "file_change",
  fetch: "network",
};

/** What Claude suggests to allow for the rest of the session; nothing that it would write into settings. */
function sessionGrants({ permission_suggestions: suggestions }: CanUseTool): Suggestions {
  return (suggestions ?? []).filter(({ destination }) => destination === "session");
}

function optionsOf(grants: Suggestions): ApprovalOption[] {
  const forSession = grants.length === 0 ? [] : [grants.map(describe).join(", ")];
  return [
    { id: "allow", label: "Allow", effect: "allow" },
    ...forSession.map((what) => ({
      id: "allow_session",
      label: `Allow for this session: ${what}`,
      effect: "allow_session" as const,
    })),
    { id: "deny", label: "Deny", effect: "deny" },
    { id: "deny_and_stop", label: "Deny and end the turn", effect: "deny_and_stop" },
  ];
}

function describe({ type, mode, rules, directories }: Suggestions[number]): string {
  if (mode) return `mode ${mode}`;
  if (rules) return rules.map(({ toolName, ruleContent }) => `${toolName}(${ruleContent ?? ""})`).join(", ");
  return directories ? `the folders ${directories.join(", ")}` : type;
}

function denial(answer: CheckedAnswer): unknown {
  const reason = answer.kind === "deny" || answer.kind === "decline" ? answer.reason : undefined;
  const isStop = answer.kind === "cancel" || (answer.kind === "deny" && answer.option?.effect === "deny_and_stop");
  return { behavior: "deny", message: reason ?? "This was not allowed.", ...(isStop ? { interrupt: true } : {}) };
}

function questionRequest(
  key: string,
  { input, tool_use_id: toolCallId }: CanUseTool,
  asked: readonly {
    readonly question: string;
    readonly header?: string | null | undefined;
    readonly multiSelect: boolean;
    readonly options: readonly { readonly label: string; readonly description?: string | null | undefined }[];
  }[],
): ClaudeRequest {
  return {
    news: {
      news: "question",
      key,
      ...withoutUndefined({ toolCallId: toolCallId ?? undefined }),
      questions: asked.map(({ question, multiSelect, options }, index) => ({
        id: idOf(index),
        text: question,
        allowsMany: multiSelect,
        allowsText: true,
        options: options.map(({ label, description }) => ({
          label,
          ...withoutUndefined({ description: description ?? undefined }),
        })),
      })),
    },
    respond: (answer) => {
      if (answer.kind !== "answers") return denial(answer);
      const given = asked.map(({ question }, index) => [question, (answer.answers[idOf(index)] ?? []).join(", ")]);
      return { behavior: "allow", updatedInput: { ...input, answers: Object.fromEntries(given) as unknown } };
    },
  };
}

/** Claude names a question by its words, which may be long. */
function idOf(index: number): string {
  return `question-${index + 1}`;
}
