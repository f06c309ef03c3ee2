import type { CodegenInputs } from "@signalbox/protocol";

import type { StepContext } from "./tool.ts";

/** What an agent is asked to do. */
export interface AgentRequest {
  readonly inputs: CodegenInputs;
  /** Whether the step lets an agent use a tool. */
  readonly mayUse: (tool: string) => boolean;
}

/** How an agent came to its end. */
export interface AgentEnd {
  readonly outcome: "done" | "failed" | "refused" | "broken";
  /** Why, for all but `done`. */
  readonly message?: string | undefined;
  /** Files of the workspace that it wrote. */
  readonly written: readonly string[];
}

/** Something that works on a prompt inside a step's sandbox. What it says becomes the step's output. */
export interface Agent {
  /** As the output and the result name it. */
  readonly name: string;
  /** What it can be asked, so that nobody need know its name. */
  readonly capabilities: { readonly playsScripts: boolean; readonly thinks: boolean };
  work(context: StepContext, request: AgentRequest): Promise<AgentEnd>;
}
