import type { AgentScriptInput } from "@signalbox/agents/scripted-agent";
import type { CodegenInputs } from "@signalbox/protocol";

/** Where the document goes when nobody says it, by the type of the task. */
const FILES: Readonly<Record<string, string>> = {
  code: "CHANGES.md",
  research: "research.md",
  writing: "draft.md",
  data_analysis: "analysis.md",
  document_processing: "processed.md",
  document_writing: "document.md",
  document_analysis: "document-analysis.md",
};

/** What an agent that plays scripts does where there is none: one document, the same for the same prompt. Pure. */
export function documentScript({ prompt, filePath, taskType }: CodegenInputs): AgentScriptInput {
  const path = filePath ?? FILES[taskType ?? "code"] ?? "result.md";
  return {
    turns: [
      {
        steps: [
          { do: "plan", entries: [{ text: `Write ${path}`, status: "in_progress" }] },
          { do: "write", path, text: documentOf(prompt, path) },
          { do: "plan", entries: [{ text: `Write ${path}`, status: "completed" }] },
          { do: "say", text: `The scripted agent wrote ${path} from the prompt. No model was asked.` },
        ],
      },
    ],
  };
}

function documentOf(prompt: string, path: string): string {
  const quoted = prompt.split("\n").map((line) => `> ${line}`.trimEnd());
  return [`# ${path}`, "", "Written by the scripted agent of Signalbox from this prompt:", "", ...quoted, ""].join(
    "\n",
  );
}
