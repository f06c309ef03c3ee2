import type { AgentEventOf, AgentFailure } from "../agent-event.ts";
import { failureOfStatus } from "../http-failure.ts";
import type { News } from "../session/news.ts";
import { withoutUndefined } from "../without-undefined.ts";
import { lookUp } from "../look-up.ts";
import {
  AssistantFrameSchema,
  ResultFrameSchema,
  StreamFrameSchema,
  SystemFrameSchema,
  TodoInputSchema,
  UserFrameSchema,
} from "./claude-frames.ts";
import { claudeUsage } from "./claude-usage.ts";
import type { ResultFrame, ToolResultBlock, ToolUseBlock } from "./claude-frames.ts";
import { claudeTool } from "./claude-tools.ts";

/**
 * What a frame of the stream says. One that is not known comes out as raw; a known one with other content throws. The
 * control frames are the driver's. Pure.
 */
export function translateClaude(frame: { readonly type: string }): News[] {
  switch (frame.type) {
    case "stream_event":
      return streamNews(frame);
    case "assistant":
      return assistantNews(frame);
    case "user":
      return userNews(frame);
    case "result":
      return resultNews(frame);
    case "system":
      return systemNews(frame);
    case "keep_alive":
      return [];
    default:
      return [{ news: "raw", frame }];
  }
}

/** What an agent within the agent says and thinks stays with it; its tool calls are told. */
function streamNews(frame: unknown): News[] {
  const { event, api_message_id: message, parent_tool_use_id: parent } = StreamFrameSchema.parse(frame);
  if (event.type !== "content_block_delta" || parent) return [];
  const messageId = message ? `${message}/${event.index ?? 0}` : undefined;
  const { text, thinking } = event.delta ?? {};
  if (text !== undefined) return [{ news: "text", messageId, text }];
  return thinking === undefined ? [] : [{ news: "thought", messageId, text: thinking }];
}

function assistantNews(frame: unknown): News[] {
  const { message, parent_tool_use_id: parent } = AssistantFrameSchema.parse(frame);
  // What the program itself says in the model's place is the text of a failure, which the result tells.
  if (message.model === SYNTHETIC) return [];
  return message.content.flatMap((block): News[] => {
    if (isText(block)) return parent ? [] : [{ news: "message", text: block.text }];
    return isToolUse(block) ? toolNews(block, parent ?? undefined) : [];
  });
}

function toolNews({ id, name, input }: ToolUseBlock, parentToolCallId: string | undefined): News[] {
  const tool: News = { news: "tool", ...claudeTool(id, name, input), ...withoutUndefined({ parentToolCallId }) };
  const todos = name === "TodoWrite" ? TodoInputSchema.safeParse(input).data?.todos : undefined;
  if (!todos || parentToolCallId !== undefined) return [tool];
  const entries = todos.map(({ content, status }) => ({
    text: content,
    status: lookUp(TODO_STATUS, status) ?? "pending",
  }));
  return [tool, { news: "plan", entries }];
}

function userNews(frame: unknown): News[] {
  const { content } = UserFrameSchema.parse(frame).message;
  if (typeof content === "string") return [];
  return content.filter(isToolResult).map((block) => ({
    news: "tool_ended",
    toolCallId: block.tool_use_id,
    status: block.is_error ? "failed" : "ok",
    ...withoutUndefined({ output: outputOf(block) }),
  }));
}

function resultNews(frame: unknown): News[] {
  const result = ResultFrameSchema.parse(frame);
  const usage = result.modelUsage ? [claudeUsage(result.modelUsage, result.total_cost_usd ?? undefined)] : [];
  return [...usage, turnEnd(result)];
}

function turnEnd(result: ResultFrame): News {
  if (CANCELLED.test(result.terminal_reason ?? "")) return { news: "turn_ended", status: "cancelled" };
  if (!result.is_error && result.subtype === "success") return { news: "turn_ended", status: "completed" };
  return { news: "turn_ended", status: "failed", error: failureOf(result) };
}

function failureOf({
  subtype,
  result,
  errors,
  terminal_reason: reason,
  api_error_status: status,
}: ResultFrame): AgentFailure {
  const message = result || errors?.join("; ") || `the turn ended as ${reason ?? subtype}`;
  const httpStatus = status ?? undefined;
  if (subtype === "error_max_turns") return { code: "turn_limit", message, isRetryable: false };
  if (subtype === "error_max_budget_usd") return { code: "usage_limit", message, isRetryable: false };
  if (/prompt is too long/i.test(message)) return { code: "context_exceeded", message, isRetryable: false };
  if (httpStatus === undefined && reason !== "api_error") return { code: "agent_error", message, isRetryable: false };
  return { ...failureOfStatus(httpStatus), message, ...withoutUndefined({ httpStatus }) };
}

function systemNews(frame: { readonly type: string }): News[] {
  const { subtype } = SystemFrameSchema.parse(frame);
  // Each turn begins with it, also one that nobody asked for.
  if (subtype === "init") return [{ news: "turn_began" }];
  return QUIET.has(subtype) ? [] : [{ news: "raw", frame }];
}

const SYNTHETIC = "<synthetic>";
const CANCELLED = /^aborted/;
const QUIET: ReadonlySet<string> = new Set(["status", "thinking_tokens"]);
const TODO_STATUS: Readonly<Record<string, AgentEventOf<"plan">["entries"][number]["status"]>> = {
  pending: "pending",
  in_progress: "in_progress",
  completed: "completed",
};

function outputOf({ content }: ToolResultBlock): string | undefined {
  if (content === null || content === undefined) return undefined;
  if (typeof content === "string") return content;
  return content.map(({ text }) => text ?? "").join("");
}

interface Block {
  readonly type: string;
}

function isText(block: Block): block is Block & { readonly text: string } {
  return block.type === "text" && "text" in block;
}

function isToolUse(block: Block): block is ToolUseBlock {
  return block.type === "tool_use" && "name" in block;
}

function isToolResult(block: Block): block is ToolResultBlock {
  return block.type === "tool_result" && "tool_use_id" in block;
}
