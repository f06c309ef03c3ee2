import type { OfferedTool } from "../conversation.ts";
import { offered } from "../dialect.ts";
import type { WireCall } from "../reply.ts";
import type { ToolIntent } from "../scenario.ts";

/** The calls of Gemini CLI's tools. */
export function callsFor(intent: ToolIntent, tools: readonly OfferedTool[]): readonly WireCall[] | undefined {
  switch (intent.tool) {
    case "write_file": {
      const input = { file_path: intent.path, content: intent.content };
      return offered(tools, "write_file") && [{ name: "write_file", input }];
    }
    case "run_command": {
      const input = { command: intent.command, description: "Run a command" };
      return offered(tools, "run_shell_command") && [{ name: "run_shell_command", input }];
    }
    case "plan": {
      const todos = intent.entries.map(({ text, status }) => ({ description: text, status }));
      return offered(tools, "write_todos") && [{ name: "write_todos", input: { todos } }];
    }
    case "ask": {
      const options = intent.options.map((label) => ({ label, description: label }));
      const question = { question: intent.question, header: "Question", type: "choice", options };
      return offered(tools, "ask_user") && [{ name: "ask_user", input: { questions: [question] } }];
    }
    case "native":
      return offered(tools, intent.name) && [{ name: intent.name, input: intent.input }];
  }
}
