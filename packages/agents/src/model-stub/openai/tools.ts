import type { OfferedTool } from "../conversation.ts";
import { offered } from "../dialect.ts";
import type { WireCall } from "../reply.ts";
import type { ToolIntent } from "../scenario.ts";

/** The calls of Codex's tools. */
export function callsFor(intent: ToolIntent, tools: readonly OfferedTool[]): readonly WireCall[] | undefined {
  switch (intent.tool) {
    case "write_file":
      return writeCall(intent.path, intent.content, tools);
    case "run_command":
      return commandCall(intent.command, intent.isEscalated ?? false, tools);
    case "plan": {
      const plan = intent.entries.map(({ text, status }) => ({ step: text, status }));
      return offered(tools, "update_plan") && [{ name: "update_plan", input: { plan } }];
    }
    case "ask": {
      const options = intent.options.map((label) => ({ label, description: label }));
      const question = { id: "question", header: "Question", question: intent.question, options };
      return offered(tools, "request_user_input") && [{ name: "request_user_input", input: { questions: [question] } }];
    }
    case "native":
      return offered(tools, intent.name) && [{ name: intent.name, input: intent.input }];
  }
}

function writeCall(path: string, content: string, tools: readonly OfferedTool[]): readonly WireCall[] | undefined {
  const tool = offered(tools, "apply_patch");
  if (!tool) return undefined;
  const lines = content.replace(/\n$/, "").split("\n");
  const patch = [
    "*** Begin Patch",
    `*** Add File: ${path}`,
    ...lines.map((line) => `+${line}`),
    "*** End Patch",
    "",
  ].join("\n");
  return [{ name: tool.name, input: tool.input === "text" ? patch : { input: patch } }];
}

function commandCall(
  command: string,
  isEscalated: boolean,
  tools: readonly OfferedTool[],
): readonly WireCall[] | undefined {
  const tool = offered(tools, "exec_command", "shell_command", "shell");
  if (!tool) return undefined;
  const escalation = isEscalated
    ? { sandbox_permissions: "require_escalated", justification: "The scenario asks for it." }
    : {};
  const words = {
    exec_command: { cmd: command },
    shell_command: { command },
    shell: { command: ["bash", "-lc", command] },
  };
  return [{ name: tool.name, input: { ...words[tool.name as keyof typeof words], ...escalation } }];
}
