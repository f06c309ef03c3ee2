import type { WorkspaceView } from "../tools/tool.ts";

/** Where projects write down what agents should know, unless the agent has a file of its own. */
const DEFAULT_FILES: readonly string[] = ["AGENTS.md"];

/** What a workspace has for agents to know. */
export interface WorkspaceMemory {
  /** Words for the agent. */
  readonly instructions: string;
  /** The files that they are from, and whether the end of each was left out. */
  readonly files: readonly { readonly name: string; readonly isCut: boolean }[];
}

/**
 * Reads the files at the top of a workspace in which a project speaks to agents, the one that counts most first. Together they
 * are no longer than `maxLength`; what is left out is marked. A link counts where it leads to a file of the workspace.
 * Undefined where there is none.
 */
export async function readMemory(
  workspace: Pick<WorkspaceView, "read" | "follow">,
  { names = DEFAULT_FILES, maxLength }: { readonly names?: readonly string[] | undefined; readonly maxLength: number },
): Promise<WorkspaceMemory | undefined> {
  const found: { name: string; text: string }[] = [];
  for (const name of names) {
    const text = (await workspace.read(name)) ?? (await workspace.follow(name));
    // The same file by another name; and what holds a NUL is no text, nor fit for an argument.
    if (text === undefined || text.trim() === "" || text.includes("\0")) continue;
    if (!found.some((other) => other.text === text)) found.push({ name, text });
  }
  return found.length === 0 ? undefined : fit(found, maxLength);
}

function fit(found: readonly { readonly name: string; readonly text: string }[], maxLength: number): WorkspaceMemory {
  let instructions = INTRODUCTION;
  const files: { name: string; isCut: boolean }[] = [];
  for (const { name, text } of found) {
    const [begin, end] = [`\n\n--- ${name} ---\n`, `\n--- end of ${name} ---`];
    const mark = `\n[… left out: ${name} has ${text.length} characters …]`;
    const room = maxLength - instructions.length - begin.length - end.length;
    const isCut = text.length > room;
    const kept = isCut ? wholeCharacters(text, room - mark.length) + mark : text;
    if (isCut && room <= mark.length) break;
    instructions += begin + kept + end;
    files.push({ name, isCut });
  }
  return { instructions, files };
}

const INTRODUCTION =
  "The project that you work on has written this down for agents. Go by it as far as it fits what you are asked.";

/** The beginning of a text that cuts no character in two. */
function wholeCharacters(text: string, length: number): string {
  return text.slice(0, length).replace(/[\uD800-\uDBFF]$/, "");
}
