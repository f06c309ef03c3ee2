import type { Question } from "@signalbox/protocol";

import type { AgentEventOf, ApprovalOption } from "../agent-event.ts";
import type { CheckedAnswer } from "../session/check-answer.ts";
import type { ApprovalNews, QuestionNews } from "../session/news.ts";
import { withoutUndefined } from "../without-undefined.ts";
import { lookUp } from "../look-up.ts";
import { ElicitationSchema, PermissionRequestSchema } from "./acp-frames.ts";
import type { FormField } from "./acp-frames.ts";
import { acpTool, textOf } from "./translate-acp.ts";

/** A request of an agent that somebody must answer, and how an answer is put to it. */
export interface AcpRequest {
  readonly news: ApprovalNews | QuestionNews;
  readonly respond: (answer: CheckedAnswer) => unknown;
}

/** What an agent asks. Undefined for a method that this side does not have. Pure. */
export function readAcpRequest(method: string, key: string, params: unknown): AcpRequest | undefined {
  if (method === "session/request_permission") return permissionRequest(key, params);
  return method === "elicitation/create" ? elicitation(key, params) : undefined;
}

function permissionRequest(key: string, params: unknown): AcpRequest {
  const { toolCall, options } = PermissionRequestSchema.parse(params);
  const tool = acpTool(toolCall);
  const reason = textOf(toolCall);
  return {
    news: {
      news: "approval",
      key,
      kind: lookUp(APPROVAL_KINDS, tool.kind) ?? "tool",
      ...(reason === "" ? {} : { reason }),
      tool,
      options: options.flatMap(({ optionId, name, kind }): ApprovalOption[] => {
        const effect = lookUp(EFFECTS, kind);
        return effect === undefined ? [] : [{ id: optionId, label: name, effect }];
      }),
    },
    respond: (answer) => {
      const option = answer.kind === "allow" || answer.kind === "deny" ? answer.option : undefined;
      return { outcome: option ? { outcome: "selected", optionId: option.id } : { outcome: "cancelled" } };
    },
  };
}

const APPROVAL_KINDS: Readonly<Record<string, AgentEventOf<"approval.requested">["kind"]>> = {
  command: "command",
  file_change: "file_change",
  fetch: "network",
};

const EFFECTS: Readonly<Record<string, ApprovalOption["effect"]>> = {
  allow_once: "allow",
  allow_always: "allow_session",
  reject_once: "deny",
  reject_always: "deny_session",
};

/** A form: each of its fields is a question. One that leads to a web page is declined: nobody here opens it. */
function elicitation(key: string, params: unknown): AcpRequest | undefined {
  const { mode, message, toolCallId, requestedSchema } = ElicitationSchema.parse(params);
  if (mode !== "form" || !requestedSchema) return undefined;
  const fields = Object.entries(requestedSchema.properties);
  return {
    news: {
      news: "question",
      key,
      ...withoutUndefined({ toolCallId: toolCallId ?? undefined }),
      questions: fields.map(([name, field]) => questionOf(name, field, fields.length === 1 ? message : "")),
    },
    respond: (answer) => {
      if (answer.kind !== "answers") return { action: answer.kind === "cancel" ? "cancel" : "decline" };
      const content = fields.map(([name, field]) => [name, valueOf(field, answer.answers[name] ?? [])]);
      return { action: "accept", content: Object.fromEntries(content) as unknown };
    },
  };
}

function questionOf(name: string, field: FormField, message: string): Question {
  const choices = choicesOf(field);
  return {
    id: name,
    text: [message, field.title ?? (message === "" ? name : ""), field.description].filter(Boolean).join(" — "),
    options: choices.map(({ label, description }) => ({ label, ...withoutUndefined({ description }) })),
    allowsMany: field.type === "array",
    allowsText: choices.length === 0,
  };
}

interface Choice {
  readonly label: string;
  readonly value: string | boolean;
  readonly description?: string | undefined;
}

function choicesOf({ type, enum: values, oneOf, items }: FormField): readonly Choice[] {
  if (type === "boolean") return YES_OR_NO;
  const titled = oneOf ?? items?.anyOf;
  if (titled) {
    return titled.map((each) => ({
      label: each.title ?? each.const,
      value: each.const,
      description: each.description ?? undefined,
    }));
  }
  return (values ?? items?.enum ?? []).map((value) => ({ label: value, value }));
}

const YES_OR_NO: readonly Choice[] = [
  { label: "yes", value: true },
  { label: "no", value: false },
];

/** What was chosen or written, as the form wants it. */
function valueOf(field: FormField, given: readonly string[]): unknown {
  const choices = choicesOf(field);
  const values = given.map((words) => choices.find(({ label }) => label === words)?.value ?? words);
  if (field.type === "array") return values;
  const [value] = values;
  return field.type === "number" || field.type === "integer" ? Number(value) : value;
}
