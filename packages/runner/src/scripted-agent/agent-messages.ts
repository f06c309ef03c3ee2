import type { ScriptedAction } from "@signalbox/protocol";

/** The first line that an agent reads: what it is asked to do. */
export interface AgentJob {
  readonly prompt: string;
  /** What to do, action by action. */
  readonly script: readonly ScriptedAction[];
}

/** What an agent says, one JSON object a line on its standard output; its error output is free. */
export type AgentMessage =
  /** Words for whoever watches. */
  | { readonly type: "say"; readonly text: string }
  /** Output of a program that it runs, base64. */
  | { readonly type: "output"; readonly stream: "stdout" | "stderr"; readonly bytes: string }
  | { readonly type: "progress"; readonly percent: number; readonly message?: string }
  /** Asks for leave to use a tool, and waits for the answer. */
  | { readonly type: "tool"; readonly id: number; readonly name: AgentTool; readonly detail: string }
  /** A file of the workspace that it wrote. */
  | { readonly type: "wrote"; readonly path: string }
  | { readonly type: "failed"; readonly message: string }
  | { readonly type: "done" };

/** What a runner answers to a `tool`, as one line. */
export interface ToolAnswer {
  readonly type: "tool_answer";
  readonly id: number;
  readonly isAllowed: boolean;
}

/** What agents do to a workspace, by the names that a step's `toolsAllowed` holds. */
export const AGENT_TOOLS = ["write_file", "delete_file", "run_command"] as const;
export type AgentTool = (typeof AGENT_TOOLS)[number];
