import type { AgentEventOf, FileChange, ToolKind } from "../agent-event.ts";
import type { News, ToolNews, UsageNews } from "../session/news.ts";
import { withoutUndefined } from "../without-undefined.ts";
import { lookUp } from "../look-up.ts";
import { ACP_UPDATES, ToolCallSchema } from "./acp-frames.ts";
import type { AcpPromptResponse, AcpToolCall } from "./acp-frames.ts";

/**
 * What a session update says. One that is not known comes out as raw; a known one with other content throws. Pure.
 */
export function translateAcp(update: { readonly sessionUpdate: string }): News[] {
  switch (update.sessionUpdate) {
    case "agent_message_chunk":
    case "agent_thought_chunk": {
      const { content, messageId } = ACP_UPDATES[update.sessionUpdate].parse(update);
      if (content.type !== "text") return [{ news: "raw", frame: update }];
      const news = update.sessionUpdate === "agent_message_chunk" ? "text" : "thought";
      return [{ news, messageId: messageId ?? undefined, text: content.text ?? "" }];
    }
    case "tool_call":
    case "tool_call_update":
      return toolCallNews(ToolCallSchema.parse(update));
    case "plan": {
      const { entries } = ACP_UPDATES.plan.parse(update);
      return [
        { news: "plan", entries: entries.map((each) => ({ text: each.content, status: planStatus(each.status) })) },
      ];
    }
    case "usage_update": {
      const { used, size, cost } = ACP_UPDATES.usage_update.parse(update);
      const usage = cost?.currency === "USD" ? { costUsd: cost.amount } : {};
      const context = { contextTokens: used ?? undefined, contextWindow: size ?? undefined };
      return [{ news: "usage", counts: "total", usage, ...context }];
    }
    default:
      return QUIET.has(update.sessionUpdate) ? [] : [{ news: "raw", frame: update }];
  }
}

/** A tool call as ACP tells it, in our words. Pure. */
export function acpTool(call: AcpToolCall): ToolNews {
  const kind = call.kind === null || call.kind === undefined ? undefined : (lookUp(KINDS, call.kind) ?? "other");
  const changes = changesOf(call);
  return {
    toolCallId: call.toolCallId,
    ...withoutUndefined({
      kind,
      name: call.name ?? undefined,
      title: call.title ?? undefined,
      command: kind === "command" ? commandOf(call.rawInput) : undefined,
      changes: changes.length === 0 ? undefined : changes,
      input: call.rawInput ?? undefined,
    }),
  };
}

/**
 * What the answer to a prompt says of tokens, where the agent tells it. Drafts of ACP have it for the turn and for the
 * session; here it is for the turn, which errs on the side of a budget. Cached tokens stand beside the input. Pure.
 */
export function usageOfTurn({ usage }: AcpPromptResponse): Pick<UsageNews, "counts" | "usage"> | undefined {
  if (!usage) return undefined;
  const cached = usage.cachedReadTokens ?? undefined;
  const inputTokens = (usage.inputTokens ?? 0) + (cached ?? 0) + (usage.cachedWriteTokens ?? 0);
  const reasoningTokens = usage.thoughtTokens ?? undefined;
  const told = withoutUndefined({ cachedTokens: cached, reasoningTokens });
  return { counts: "step", usage: { inputTokens, outputTokens: usage.outputTokens ?? 0, ...told } };
}

function toolCallNews(call: AcpToolCall): News[] {
  const tool: News = { news: "tool", ...acpTool(call) };
  const status = lookUp(ENDS, call.status);
  if (status === undefined) return [tool];
  return [
    tool,
    { news: "tool_ended", toolCallId: call.toolCallId, status, ...withoutUndefined({ output: outputOf(call) }) },
  ];
}

/** What a tool call says in words. Pure. */
export function textOf({ content }: AcpToolCall): string {
  return (content ?? []).flatMap((each) => (each.type === "content" ? (each.content?.text ?? []) : [])).join("\n");
}

/** An agent that has no words for it may have put all of it into the raw output. */
function outputOf(call: AcpToolCall): string | undefined {
  const text = textOf(call);
  if (text !== "") return text;
  return typeof call.rawOutput === "string" ? call.rawOutput : undefined;
}

/** What is deleted has no text to show: the call says where it is. */
function changesOf({ content, kind, locations }: AcpToolCall): FileChange[] {
  const shown = diffsOf({ content, kind });
  if (shown.length > 0 || kind !== "delete") return shown;
  return (locations ?? []).map(({ path }) => ({ path, change: "delete" }));
}

function diffsOf({ content, kind }: Pick<AcpToolCall, "content" | "kind">): FileChange[] {
  return (content ?? []).flatMap((each) => {
    if (each.type !== "diff" || each.path === undefined) return [];
    const isNew = each.oldText === null || each.oldText === undefined || each.oldText === "";
    const change = kind === "delete" ? "delete" : isNew ? "add" : "update";
    const texts = { oldText: isNew ? undefined : (each.oldText ?? undefined), newText: each.newText };
    return [{ path: each.path, change, ...withoutUndefined(texts) } as const];
  });
}

/** Agents write a command as one string or as its arguments. */
function commandOf(input: unknown): string | undefined {
  const command = typeof input === "object" && input !== null && "command" in input ? input.command : undefined;
  if (typeof command === "string") return command;
  return Array.isArray(command) ? command.map(String).join(" ") : undefined;
}

function planStatus(status: string): AgentEventOf<"plan">["entries"][number]["status"] {
  return status === "completed" || status === "in_progress" ? status : "pending";
}

const KINDS: Readonly<Record<string, ToolKind>> = {
  execute: "command",
  edit: "file_change",
  delete: "file_change",
  move: "file_change",
  read: "read",
  search: "search",
  fetch: "fetch",
  think: "think",
};

const ENDS: Readonly<Record<string, "ok" | "failed">> = { completed: "ok", failed: "failed" };

/** Nothing in them is for whoever watches a session. */
const QUIET: ReadonlySet<string> = new Set([
  "user_message_chunk",
  "available_commands_update",
  "current_mode_update",
  "config_option_update",
  "session_info_update",
]);
