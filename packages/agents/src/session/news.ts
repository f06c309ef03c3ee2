import type { Question, Usage } from "@signalbox/protocol";

import type { AgentEventOf, AgentFailure, ApprovalOption, FileChange, ToolKind } from "../agent-event.ts";

/**
 * What one frame of an agent says, in our words. Translators make it from frames and know nothing else; the session keeps
 * the books and turns it into events.
 */
export type News =
  | { readonly news: "text" | "thought"; readonly messageId?: string | undefined; readonly text: string }
  /** A message is complete. `text` is all of it, for the case that it was not told piece by piece. */
  | { readonly news: "message"; readonly messageId?: string | undefined; readonly text?: string | undefined }
  /** A tool call as it is now: its first news, or a change. */
  | ({ readonly news: "tool" } & ToolNews)
  | { readonly news: "output"; readonly toolCallId: string; readonly text: string }
  | ToolEnd
  | { readonly news: "plan"; readonly entries: AgentEventOf<"plan">["entries"] }
  | { readonly news: "diff"; readonly unifiedDiff: string }
  | UsageNews
  | ApprovalNews
  | QuestionNews
  /** A request was settled without us. */
  | { readonly news: "settled"; readonly key: string }
  /** A turn began that nobody here asked for. */
  | { readonly news: "turn_began" }
  | { readonly news: "turn_ended"; readonly status: TurnStatus; readonly error?: AgentFailure | undefined }
  | { readonly news: "raw"; readonly frame: unknown };

export type TurnStatus = AgentEventOf<"turn.ended">["status"];

/** What is told of a tool call; what is absent stays as it was. */
export interface ToolNews {
  readonly toolCallId: string;
  readonly kind?: ToolKind | undefined;
  readonly name?: string | undefined;
  readonly title?: string | undefined;
  readonly command?: string | undefined;
  readonly cwd?: string | undefined;
  readonly changes?: FileChange[] | undefined;
  readonly input?: unknown;
  readonly parentToolCallId?: string | undefined;
}

export interface ToolEnd {
  readonly news: "tool_ended";
  readonly toolCallId: string;
  readonly status: AgentEventOf<"tool.ended">["status"];
  readonly exitCode?: number | undefined;
  readonly message?: string | undefined;
  /** All of the tool's output, for the case that it was not told piece by piece. */
  readonly output?: string | undefined;
}

/** `step`: to be added to what was told before. `total`: all since this start. A field that is absent stays as it was. */
export interface UsageNews {
  readonly news: "usage";
  readonly counts: "step" | "total";
  readonly usage: Partial<Usage>;
  readonly contextTokens?: number | undefined;
  readonly contextWindow?: number | undefined;
}

/** The agent asks for leave. `key` is its own name for the request. */
export interface ApprovalNews {
  readonly news: "approval";
  readonly key: string;
  readonly kind: AgentEventOf<"approval.requested">["kind"];
  readonly title?: string | undefined;
  readonly reason?: string | undefined;
  readonly tool: ToolNews | undefined;
  readonly options: ApprovalOption[];
}

export interface QuestionNews {
  readonly news: "question";
  readonly key: string;
  readonly toolCallId?: string | undefined;
  readonly questions: Question[];
}
