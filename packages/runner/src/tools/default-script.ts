import type { CodegenInputs, ScriptedAction } from "@signalbox/protocol";

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

/** What the scripted agent does without a script: one document, the same for the same prompt. Pure. */
export function defaultScript({ prompt, filePath, taskType }: CodegenInputs): ScriptedAction[] {
  const path = filePath ?? FILES[taskType ?? "code"] ?? "result.md";
  return [
    { do: "progress", percent: 10, message: "reading the prompt" },
    { do: "write", path, text: documentOf(prompt, path) },
    { do: "say", text: `The scripted agent wrote ${path} from the prompt. No model was asked.` },
    { do: "progress", percent: 100, message: "done" },
  ];
}

function documentOf(prompt: string, path: string): string {
  const quoted = prompt.split("\n").map((line) => `> ${line}`.trimEnd());
  return [`# ${path}`, "", "Written by the scripted agent of Signalbox from this prompt:", "", ...quoted, ""].join(
    "\n",
  );
}
