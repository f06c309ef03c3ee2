import type { ToolKind } from "../agent-event.ts";
import { lookUp } from "../look-up.ts";
import type { ToolEnd, ToolNews } from "../session/news.ts";
import type { OmnaraToolResult } from "./omnara-frames.ts";

/** A call of a tool, by Omnara's names for its own tools (docs/tools/built-in.mdx). Pure. */
export function toolNews(toolCallId: string, name: string, input?: Readonly<Record<string, unknown>>): ToolNews {
  const kind = lookUp(KINDS, name) ?? "other";
  if (input === undefined) return { toolCallId, kind, name, title: name };
  const command = name === "run_command" && typeof input["command"] === "string" ? input["command"] : undefined;
  const cwd = typeof input["cwd"] === "string" ? input["cwd"] : undefined;
  return { toolCallId, kind, name, title: command ?? name, command, cwd, input };
}

/** How a call ended. Pure. */
export function toolEnd({ tool_call_id: toolCallId, outcome, content_blocks: blocks }: OmnaraToolResult): ToolEnd {
  const output = blocks.map((block) => {
    if (block.type === "text") return block.text;
    return block.type === "structured_data" ? JSON.stringify(block.value) : `[${block.type}]`;
  });
  return { news: "tool_ended", toolCallId, status: ENDS[outcome], output: output.join("\n") };
}

const KINDS: Readonly<Record<string, ToolKind>> = {
  run_command: "command",
  write_process: "command",
  read_process: "read",
  web_search: "search",
  web_fetch: "fetch",
};

const ENDS = { succeeded: "ok", failed: "failed", denied: "denied", canceled: "cancelled" } as const;
