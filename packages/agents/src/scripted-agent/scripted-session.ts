import type { Usage } from "@agentclientprotocol/sdk/unstable";
import type { AgentScript, ScriptStep } from "@signalbox/protocol/agent-script";
import type { SessionFile } from "./session-file.ts";
import type { Turn } from "./turn.ts";

/** A conversation that the scripted agent has. */
export class ScriptedSession {
  readonly id: string;
  readonly cwd: string;
  readonly file: SessionFile;
  /** The kinds of tools that need no permission any more, and those that get none. */
  readonly always = new Map<string, "allow" | "reject">();
  /** The turn that is being played. */
  turn: Turn | undefined;
  /** What was used so far, when the script tells it. */
  usage: Usage | undefined;

  constructor(id: string, cwd: string, file: SessionFile) {
    this.id = id;
    this.cwd = cwd;
    this.file = file;
  }

  /** How many prompts there were, the one being played among them. */
  get prompts(): number {
    return this.file.prompts;
  }
}

/** What a script has for a prompt; `isCounted` when it is the next of the turns without `when`. */
export function stepsFor(
  { turns }: AgentScript,
  prompt: string,
  countedPrompts: number,
): { readonly steps: readonly ScriptStep[]; readonly isCounted: boolean } {
  const named = turns.find(({ when }) => when !== undefined && prompt.includes(when));
  if (named) return { steps: named.steps, isCounted: false };
  const counted = turns.filter(({ when }) => when === undefined);
  const next = counted[countedPrompts] ?? counted.at(-1);
  return { steps: next?.steps ?? [], isCounted: true };
}
