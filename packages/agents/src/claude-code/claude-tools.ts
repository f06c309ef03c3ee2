import type { FileChange, ToolKind } from "../agent-event.ts";
import type { ToolNews } from "../session/news.ts";
import { withoutUndefined } from "../without-undefined.ts";
import { lookUp } from "../look-up.ts";

/** A tool call of Claude in our words. Pure. */
export function claudeTool(toolCallId: string, name: string, input: Readonly<Record<string, unknown>>): ToolNews {
  const kind = lookUp(KINDS, name) ?? "other";
  const command = kind === "command" ? textOf(input["command"]) : undefined;
  const changes = kind === "file_change" ? changesOf(name, input) : undefined;
  return {
    toolCallId,
    kind,
    name,
    title: command ?? titleOf(name, input),
    input,
    ...withoutUndefined({ command, changes }),
  };
}

const KINDS: Readonly<Record<string, ToolKind>> = {
  Bash: "command",
  BashOutput: "read",
  KillShell: "other",
  Write: "file_change",
  Edit: "file_change",
  MultiEdit: "file_change",
  NotebookEdit: "file_change",
  Read: "read",
  Glob: "search",
  Grep: "search",
  ToolSearch: "search",
  WebSearch: "search",
  WebFetch: "fetch",
  Task: "agent",
  Agent: "agent",
  TodoWrite: "think",
  EnterPlanMode: "think",
  ExitPlanMode: "think",
};

/** The tool with what it is about, where its input says so. */
function titleOf(name: string, input: Readonly<Record<string, unknown>>): string {
  const about = ["file_path", "notebook_path", "pattern", "url", "query", "description", "skill"]
    .map((field) => textOf(input[field]))
    .find((text) => text !== undefined);
  return about === undefined ? name : `${name} ${about}`;
}

function changesOf(name: string, input: Readonly<Record<string, unknown>>): FileChange[] | undefined {
  const path = textOf(input["file_path"]) ?? textOf(input["notebook_path"]);
  if (path === undefined) return undefined;
  if (name === "Write") return [{ path, change: "write", newText: textOf(input["content"]) ?? "" }];
  const edits = name === "MultiEdit" && Array.isArray(input["edits"]) ? (input["edits"] as unknown[]) : [input];
  const diffs = edits.map((edit) => replacement(edit as Readonly<Record<string, unknown>>));
  return [{ path, change: "update", unifiedDiff: diffs.join("\n") }];
}

/** What is replaced by what; where in the file is not told. */
function replacement(edit: Readonly<Record<string, unknown>>): string {
  const before = textOf(edit["old_string"]) ?? "";
  const after = textOf(edit["new_string"]) ?? textOf(edit["new_source"]) ?? "";
  const everywhere = edit["replace_all"] === true ? " everywhere" : "";
  return [`@@${everywhere} @@`, ...lines("-", before), ...lines("+", after)].join("\n");
}

function lines(sign: string, text: string): string[] {
  return text === "" ? [] : text.split("\n").map((line) => sign + line);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
