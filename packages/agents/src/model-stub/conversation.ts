/** What a model is asked, whichever way it was put on the wire. */
export interface ModelRequest {
  readonly model: string;
  /** Whether the answer is to be a stream of events. */
  readonly isStreaming: boolean;
  /** Whether the answer is to be JSON, as routers and classifiers ask for. */
  readonly wantsJson: boolean;
  readonly tools: readonly OfferedTool[];
  readonly conversation: readonly ConversationItem[];
}

/** A tool that the agent offers to the model. */
export interface OfferedTool {
  readonly name: string;
  /** `text`: it takes free text instead of JSON. */
  readonly input: "json" | "text";
}

/** One item of the conversation so far. */
export type ConversationItem =
  /** What a person said; what the agent puts beside it on its own account is left out. */
  | { readonly kind: "user"; readonly text: string }
  | { readonly kind: "assistant"; readonly text: string }
  | { readonly kind: "tool_call"; readonly id: string; readonly name: string; readonly input: unknown }
  | ToolResult;

/** What came of a tool call. */
export interface ToolResult {
  readonly kind: "tool_result";
  readonly id: string;
  readonly text: string;
  /** Undefined where the wire has no word for it. */
  readonly isError: boolean | undefined;
}

/** The conversation, split at the last thing that a person said. */
export interface Turn {
  /** What was said before it, by both sides. */
  readonly earlier: readonly ConversationItem[];
  readonly prompt: string | undefined;
  /** What came of the tools since. */
  readonly results: readonly ToolResult[];
}

export function lastTurn(conversation: readonly ConversationItem[]): Turn {
  const at = conversation.findLastIndex((item) => item.kind === "user");
  const prompt = conversation[at];
  return {
    earlier: conversation.slice(0, Math.max(at, 0)),
    prompt: prompt?.kind === "user" ? prompt.text : undefined,
    results: conversation.slice(at + 1).filter((item) => item.kind === "tool_result"),
  };
}

/** A user's text without what agents wrap around it; undefined when nothing is left. */
export function spokenText(text: string): string | undefined {
  const spoken = text.replaceAll(INJECTED, "").trim();
  return spoken === "" ? undefined : spoken;
}

/** Agents tell the model of the machine, of rules and of interruptions in elements within what the user says. */
const INJECTED =
  /<(environment_context|user_instructions|system-reminder|session_context|turn_aborted|INSTRUCTIONS|permissions instructions|skills_instructions|collaboration_mode|hook_context|user_shell_command|local-command-[a-z]+|command-[a-z]+)\b[^>]*>[\s\S]*?<\/\1>/g;
