import { QuestionSchema, UsageSchema } from "@signalbox/protocol";
import * as z from "zod";

import { AgentCapabilitiesSchema } from "./capabilities.ts";

/** One file as a tool is about to change it, or has. The path is as the agent gave it. */
export const FileChangeSchema = z.object({
  path: z.string(),
  /** `write`: the whole file is written; whether it was there before is not told. */
  change: z.enum(["add", "update", "delete", "move", "write"]),
  movedTo: z.string().optional(),
  /** What the agent tells of the change: a unified diff, or the texts before and after. */
  unifiedDiff: z.string().optional(),
  oldText: z.string().optional(),
  newText: z.string().optional(),
});
export type FileChange = z.infer<typeof FileChangeSchema>;

/** Why a turn failed, whatever agent it was. */
export const FAILURE_CODES = [
  "rate_limited",
  "usage_limit",
  "overloaded",
  "server_error",
  "connection",
  "authentication",
  "invalid_request",
  "context_exceeded",
  "output_limit",
  "turn_limit",
  "refused",
  "protocol_error",
  "agent_exited",
  "agent_error",
] as const;
export const AgentFailureSchema = z.object({
  code: z.enum(FAILURE_CODES),
  /** In the agent's own words; data, not to be shown raw. */
  message: z.string(),
  /** What the model's endpoint answered, where the agent tells it. */
  httpStatus: z.int().optional(),
  /** Whether the same prompt can succeed later. */
  isRetryable: z.boolean(),
});
export type AgentFailure = z.infer<typeof AgentFailureSchema>;

export const TOOL_KINDS = ["command", "file_change", "read", "search", "fetch", "think", "agent", "other"] as const;
export type ToolKind = (typeof TOOL_KINDS)[number];

/** One way to answer an approval, as this agent offers it. */
export const ApprovalOptionSchema = z.object({
  id: z.string(),
  label: z.string(),
  /** `deny_and_stop` ends the turn; `allow_session` holds for all like it until the session's end. */
  effect: z.enum(["allow", "allow_session", "deny", "deny_session", "deny_and_stop"]),
});
export type ApprovalOption = z.infer<typeof ApprovalOptionSchema>;

const tool = {
  toolCallId: z.string(),
  kind: z.enum(TOOL_KINDS),
  /** The agent's name for the tool. */
  name: z.string().optional(),
  title: z.string(),
  command: z.string().optional(),
  cwd: z.string().optional(),
  changes: z.array(FileChangeSchema).optional(),
  /** What the model gave the tool, as it gave it. */
  input: z.unknown().optional(),
  /** The call that started the agent that makes this one. */
  parentToolCallId: z.string().optional(),
};

/**
 * Everything that a session tells. Texts are the agent's and the model's own: data, never instructions, and not fit for a
 * terminal before `displayText`.
 */
export const AgentEventSchema = z.discriminatedUnion("type", [
  /** The first event: the agent takes prompts. */
  z.object({
    type: z.literal("session.ready"),
    provider: z.string(),
    /** The agent's own name for the conversation, to resume it by. */
    nativeSessionId: z.string(),
    /** How it stands to an earlier conversation: loaded, told of it before the first prompt, or without any. */
    resumed: z.enum(["loaded", "bootstrapped", "fresh"]),
    /** Why each better way to go on with an earlier conversation failed. */
    resumeFailure: z.string().optional(),
    model: z.string().optional(),
    agentVersion: z.string().optional(),
    capabilities: AgentCapabilitiesSchema,
  }),
  z.object({
    type: z.literal("turn.started"),
    turnId: z.string(),
    /** What was said to the agent; absent when it began by itself or somebody else spoke to it. */
    prompt: z.string().optional(),
  }),
  /** More was said to the agent while it worked. */
  z.object({ type: z.literal("turn.steered"), turnId: z.string(), prompt: z.string() }),
  z.object({ type: z.literal("text.delta"), messageId: z.string(), text: z.string() }),
  z.object({ type: z.literal("thought.delta"), messageId: z.string(), text: z.string() }),
  /** A message is complete; `text` repeats it up to the limit `message.length`. */
  z.object({
    type: z.literal("message.done"),
    messageId: z.string(),
    text: z.string(),
    isTruncated: z.boolean(),
  }),
  z.object({ type: z.literal("tool.started"), ...tool }),
  /** What is known of a call that has started: a fuller title, its input, its changes. Replaces what was told before. */
  z.object({ type: z.literal("tool.updated"), ...tool }),
  z.object({
    type: z.literal("tool.output"),
    toolCallId: z.string(),
    text: z.string(),
    /** The beginning was left out: the output is longer than `output.length`. */
    isTruncated: z.boolean(),
  }),
  z.object({
    type: z.literal("tool.ended"),
    toolCallId: z.string(),
    status: z.enum(["ok", "failed", "denied", "cancelled"]),
    exitCode: z.int().optional(),
    message: z.string().optional(),
  }),
  /** The agent's plan as a whole; replaces the one before. */
  z.object({
    type: z.literal("plan"),
    entries: z.array(z.object({ text: z.string(), status: z.enum(["pending", "in_progress", "completed"]) })),
  }),
  /** What the turn has changed so far, as one unified diff; replaces the one before. */
  z.object({ type: z.literal("diff"), turnId: z.string(), unifiedDiff: z.string() }),
  /** Somebody must decide. What the session's permissions allow is not asked: its tool call tells of it. */
  z.object({
    type: z.literal("approval.requested"),
    requestId: z.string(),
    kind: z.enum(["command", "file_change", "network", "permissions", "tool"]),
    title: z.string(),
    toolCallId: z.string().optional(),
    /** The agent's name for the tool. */
    name: z.string().optional(),
    command: z.string().optional(),
    cwd: z.string().optional(),
    reason: z.string().optional(),
    changes: z.array(FileChangeSchema).optional(),
    input: z.unknown().optional(),
    /** Whether an answer may change the input. */
    canEditInput: z.boolean(),
    options: z.array(ApprovalOptionSchema),
  }),
  z.object({
    type: z.literal("approval.resolved"),
    requestId: z.string(),
    outcome: z.enum(["allowed", "denied", "cancelled"]),
    /** `agent`: it was settled elsewhere, or withdrawn; `end`: the turn or the session was over before. */
    by: z.enum(["answer", "interrupt", "agent", "end"]),
    optionId: z.string().optional(),
  }),
  z.object({
    type: z.literal("question.requested"),
    requestId: z.string(),
    toolCallId: z.string().optional(),
    questions: z.array(QuestionSchema),
  }),
  z.object({
    type: z.literal("question.resolved"),
    requestId: z.string(),
    outcome: z.enum(["answered", "declined", "cancelled"]),
    by: z.enum(["answer", "interrupt", "agent", "end"]),
  }),
  /** What has been used since this session object was started, all turns together; replaces the one before. */
  z.object({
    type: z.literal("usage"),
    total: UsageSchema,
    /** Tokens in the model's context, and how many it takes, where the agent tells them. */
    contextTokens: z.int().optional(),
    contextWindow: z.int().optional(),
  }),
  z.object({
    type: z.literal("turn.ended"),
    turnId: z.string(),
    status: z.enum(["completed", "cancelled", "failed"]),
    error: AgentFailureSchema.optional(),
  }),
  /** The agent said what is no protocol. The session goes on, unless it was too much (`process.exited` tells). */
  z.object({
    type: z.literal("protocol.error"),
    kind: z.enum(["garbage", "oversized_line", "invalid_frame"]),
    message: z.string(),
    /** How many so far in this session. */
    count: z.int(),
  }),
  /** A frame as it was: `in`, said by the agent and in no other event, or with `raw: "all"` every frame, both ways. */
  z.object({ type: z.literal("raw"), direction: z.enum(["in", "out"]), frame: z.unknown() }),
  /** The last event: nothing of the agent is left, but for `survivors`. */
  z.object({
    type: z.literal("process.exited"),
    code: z.int().nullable(),
    signal: z.string().nullable(),
    reason: z.enum(["closed", "crashed", "interrupt_ignored", "protocol_error", "output_closed"]),
    message: z.string(),
    /** The end of its error output. */
    stderr: z.string(),
    /** Processes of the agent that could not be killed. */
    survivors: z.array(z.int()),
  }),
]);
export type AgentEvent = z.infer<typeof AgentEventSchema>;
export type AgentEventType = AgentEvent["type"];
/** The event of one type. */
export type AgentEventOf<Type extends AgentEventType> = Extract<AgentEvent, { type: Type }>;
