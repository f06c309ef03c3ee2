import type { Usage } from "@signalbox/protocol";

import type { AgentEventOf, FileChange } from "../agent-event.ts";
import type { News, ToolEnd, ToolNews } from "../session/news.ts";
import { withoutUndefined } from "../without-undefined.ts";
import { lookUp } from "../look-up.ts";
import { codexFailure } from "./codex-failure.ts";
import { CODEX_NOTIFICATIONS } from "./codex-frames.ts";
import type { CodexFileChanges, CodexItem, CodexNotification, CodexTokens } from "./codex-frames.ts";

/**
 * What a notification of the app-server says. One that is not known comes out as raw; a known one with other content
 * throws. Those of other threads, such as the helper threads of a terminal, are to be sorted out before. Pure.
 */
export function translateCodex(method: string, params: unknown): News[] {
  if (QUIET.has(method)) return [];
  if (!isKnown(method)) return [{ news: "raw", frame: { method, params } }];
  const schema = CODEX_NOTIFICATIONS[method];
  // Each translator gets what its own schema has read.
  const translate = TRANSLATORS[method] as (read: unknown) => News[];
  return translate(schema.parse(params));
}

/** A request by the name that the session has for it: a number and a string may look alike. */
export function keyOf(id: string | number): string {
  return JSON.stringify(id);
}

/** The thread that a notification is about; undefined when it is about none. */
export function threadOf(params: unknown): string | undefined {
  const threadId = typeof params === "object" && params !== null && "threadId" in params ? params.threadId : undefined;
  return typeof threadId === "string" ? threadId : undefined;
}

/** What codex counts, as we do: cached tokens among the input, reasoning among the output. `before` is not counted. Pure. */
export function codexUsage(tokens: CodexTokens, before?: CodexTokens): Usage {
  const since = (name: "inputTokens" | "outputTokens" | "cachedInputTokens" | "reasoningOutputTokens"): number =>
    Math.max(0, tokens[name] - (before?.[name] ?? 0));
  return {
    inputTokens: since("inputTokens"),
    outputTokens: since("outputTokens"),
    cachedTokens: since("cachedInputTokens"),
    reasoningTokens: since("reasoningOutputTokens"),
  };
}

/** File changes as they will be shown. Pure. */
export function codexChanges(changes: CodexFileChanges): FileChange[] {
  return changes.map(({ path, kind, diff }) => {
    const movedTo = kind.move_path ?? undefined;
    const change = movedTo !== undefined ? "move" : (lookUp(CHANGES, kind.type) ?? "update");
    // Of a new or deleted file codex gives the content, not a diff.
    const content = kind.type === "add" ? { newText: diff } : kind.type === "delete" ? { oldText: diff } : undefined;
    return { path, change, ...withoutUndefined({ movedTo }), ...(content ?? { unifiedDiff: diff }) };
  });
}

type Method = keyof typeof CODEX_NOTIFICATIONS;

/** Nothing in them is for whoever watches a session. */
const QUIET: ReadonlySet<string> = new Set([
  "thread/started",
  "thread/status/changed",
  "thread/goal/cleared",
  "remoteControl/status/changed",
  "account/rateLimits/updated",
  "item/reasoning/summaryPartAdded",
]);

const CHANGES: Readonly<Record<string, FileChange["change"]>> = { add: "add", delete: "delete", update: "update" };

const TRANSLATORS: { readonly [Each in Method]: (read: CodexNotification<Each>) => News[] } = {
  "turn/started": () => [{ news: "turn_began" }],
  "turn/completed": ({ turn: { status, error } }) => {
    if (status === "completed") return [{ news: "turn_ended", status: "completed" }];
    if (status === "interrupted") return [{ news: "turn_ended", status: "cancelled" }];
    const failure = codexFailure(error ?? { message: `the turn ended as ${status}` });
    return [{ news: "turn_ended", status: "failed", error: failure }];
  },
  "item/started": ({ item }) => {
    const tool = toolOf(item);
    return tool ? [{ news: "tool", ...tool }] : [];
  },
  "item/completed": ({ item }) => {
    if (item.type === "agentMessage") return [{ news: "message", messageId: item.id, text: item.text ?? undefined }];
    const tool = toolOf(item);
    return tool ? [{ news: "tool", ...tool }, endOf(item)] : [];
  },
  "item/agentMessage/delta": ({ itemId, delta }) => [{ news: "text", messageId: itemId, text: delta }],
  "item/reasoning/textDelta": ({ itemId, delta }) => [{ news: "thought", messageId: itemId, text: delta }],
  "item/reasoning/summaryTextDelta": ({ itemId, delta }) => [{ news: "thought", messageId: itemId, text: delta }],
  "item/commandExecution/outputDelta": ({ itemId, delta }) => [{ news: "output", toolCallId: itemId, text: delta }],
  "item/fileChange/patchUpdated": ({ itemId, changes }) => [
    { news: "tool", toolCallId: itemId, kind: "file_change", changes: codexChanges(changes) },
  ],
  "turn/plan/updated": ({ plan }) => [
    {
      news: "plan",
      entries: plan.map(({ step, status }) => ({ text: step, status: lookUp(PLAN_STATUS, status) ?? "pending" })),
    },
  ],
  "turn/diff/updated": ({ diff }) => [{ news: "diff", unifiedDiff: diff }],
  "serverRequest/resolved": ({ requestId }) => [{ news: "settled", key: keyOf(requestId) }],
};

const PLAN_STATUS: Readonly<Record<string, AgentEventOf<"plan">["entries"][number]["status"]>> = {
  pending: "pending",
  inProgress: "in_progress",
  completed: "completed",
};

/** An item as a tool call; undefined for what is said and thought. */
function toolOf(item: CodexItem): ToolNews | undefined {
  const { id: toolCallId, type } = item;
  const path = item.path ?? undefined;
  switch (type) {
    case "commandExecution":
      return {
        toolCallId,
        kind: "command",
        title: item.command ?? "a command",
        ...withoutUndefined({ command: item.command ?? undefined, cwd: item.cwd ?? undefined }),
      };
    case "fileChange": {
      const changes = codexChanges(item.changes ?? []);
      return { toolCallId, kind: "file_change", title: titleOfChanges(changes), changes };
    }
    case "mcpToolCall":
      return {
        toolCallId,
        kind: "other",
        name: `${item.server ?? "mcp"}/${item.tool ?? ""}`,
        title: `${item.server ?? "mcp"}: ${item.tool ?? ""}`,
        input: item.arguments,
      };
    case "dynamicToolCall":
      return { toolCallId, kind: "other", name: item.tool ?? type, title: item.tool ?? type, input: item.arguments };
    case "collabAgentToolCall":
      return { toolCallId, kind: "agent", name: item.tool ?? type, title: item.prompt ?? item.tool ?? type };
    case "webSearch":
      return { toolCallId, kind: "search", name: type, title: item.query ?? "a web search" };
    case "imageView":
      return { toolCallId, kind: "read", name: type, title: path ?? "an image" };
    default:
      return undefined;
  }
}

function endOf(item: CodexItem): ToolEnd {
  const status = lookUp(END_STATUS, item.status ?? "completed") ?? "failed";
  const exitCode = item.exitCode ?? undefined;
  const message = item.error?.message ?? undefined;
  const output = item.aggregatedOutput ?? undefined;
  return {
    news: "tool_ended",
    toolCallId: item.id,
    status: item.success === false ? "failed" : status,
    ...withoutUndefined({ exitCode, message, output }),
  };
}

const END_STATUS: Readonly<Record<string, ToolEnd["status"]>> = {
  completed: "ok",
  failed: "failed",
  declined: "denied",
};

function titleOfChanges(changes: readonly FileChange[]): string {
  return changes.map(({ change, path }) => `${change} ${path}`).join(", ") || "file changes";
}

function isKnown(method: string): method is Method {
  return Object.hasOwn(CODEX_NOTIFICATIONS, method);
}
