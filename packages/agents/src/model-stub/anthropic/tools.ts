import type { OfferedTool } from "../conversation.ts";
import { offered } from "../dialect.ts";
import type { WireCall } from "../reply.ts";
import type { ToolIntent } from "../scenario.ts";

/** The calls of Claude Code's tools. */
export function callsFor(intent: ToolIntent, tools: readonly OfferedTool[]): readonly WireCall[] | undefined {
  switch (intent.tool) {
    case "write_file":
      return offered(tools, "Write") && [{ name: "Write", input: { file_path: intent.path, content: intent.content } }];
    case "run_command": {
      const input = { command: intent.command, description: "Run a command" };
      return offered(tools, "Bash") && [{ name: "Bash", input }];
    }
    case "plan":
      return planCalls(intent, tools);
    case "ask": {
      const options = intent.options.map((label) => ({ label, description: label }));
      const question = { question: intent.question, header: "Question", options, multiSelect: false };
      return offered(tools, "AskUserQuestion") && [{ name: "AskUserQuestion", input: { questions: [question] } }];
    }
    case "native":
      return offered(tools, intent.name) && [{ name: intent.name, input: intent.input }];
  }
}

/** One list in a call, or a call for each entry: which of the two a version has is a setting. */
function planCalls(
  { entries, isUpdate = false }: Extract<ToolIntent, { tool: "plan" }>,
  tools: readonly OfferedTool[],
): readonly WireCall[] | undefined {
  if (offered(tools, "TodoWrite")) {
    const todos = entries.map(({ text, status }) => ({ content: text, status, activeForm: text }));
    return [{ name: "TodoWrite", input: { todos } }];
  }
  if (!isUpdate) {
    const calls = entries.map(({ text }) => ({ name: "TaskCreate", input: { subject: text, description: text } }));
    return offered(tools, "TaskCreate") && calls;
  }
  // Tasks are numbered from 1 in the order they were made in.
  const calls = entries.map(({ status }, index) => ({
    name: "TaskUpdate",
    input: { taskId: String(index + 1), status },
  }));
  return offered(tools, "TaskUpdate") && calls;
}
