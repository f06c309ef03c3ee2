import * as z from "zod";

// What this adapter reads of the stream-json protocol, no more: fields that it does not use may be anything, so that a
// version that adds some is still understood.

const TextBlockSchema = z.object({ type: z.literal("text"), text: z.string() });
const ToolUseBlockSchema = z.object({
  type: z.literal("tool_use"),
  id: z.string(),
  name: z.string(),
  input: z.record(z.string(), z.unknown()).default({}),
});
const ToolResultBlockSchema = z.object({
  type: z.literal("tool_result"),
  tool_use_id: z.string(),
  is_error: z.boolean().nullish(),
  content: z.union([z.string(), z.array(z.looseObject({ type: z.string(), text: z.string().optional() }))]).nullish(),
});
const OtherBlockSchema = z.looseObject({ type: z.string() });

const parent = { parent_tool_use_id: z.string().nullish() };

export const AssistantFrameSchema = z.object({
  type: z.literal("assistant"),
  ...parent,
  message: z.object({
    id: z.string().nullish(),
    model: z.string().nullish(),
    content: z.array(z.union([TextBlockSchema, ToolUseBlockSchema, OtherBlockSchema])),
  }),
});

/** What the tools answered; also what a user said, as plain text. */
export const UserFrameSchema = z.object({
  type: z.literal("user"),
  ...parent,
  message: z.object({
    content: z.union([z.string(), z.array(z.union([ToolResultBlockSchema, OtherBlockSchema]))]),
  }),
});
export type ToolResultBlock = z.infer<typeof ToolResultBlockSchema>;
export type ToolUseBlock = z.infer<typeof ToolUseBlockSchema>;

export const StreamFrameSchema = z.object({
  type: z.literal("stream_event"),
  ...parent,
  api_message_id: z.string().nullish(),
  event: z.looseObject({
    type: z.string(),
    index: z.int().optional(),
    delta: z
      .looseObject({ type: z.string().optional(), text: z.string().optional(), thinking: z.string().optional() })
      .optional(),
  }),
});

const count = z.number().min(0).default(0);

/** By model, since the beginning of the conversation. */
const ModelUsageSchema = z.record(
  z.string(),
  z.object({
    inputTokens: count,
    outputTokens: count,
    cacheReadInputTokens: count,
    cacheCreationInputTokens: count,
    thinkingTokens: count,
    contextWindow: z.int().nullish(),
  }),
);
export type ClaudeModelUsage = z.infer<typeof ModelUsageSchema>;

export const ResultFrameSchema = z.object({
  type: z.literal("result"),
  subtype: z.string(),
  is_error: z.boolean().default(false),
  result: z.string().nullish(),
  errors: z.array(z.string()).nullish(),
  terminal_reason: z.string().nullish(),
  api_error_status: z.int().nullish(),
  total_cost_usd: z.number().min(0).nullish(),
  modelUsage: ModelUsageSchema.nullish(),
});
export type ResultFrame = z.infer<typeof ResultFrameSchema>;

/** What `get_usage` answers. */
export const UsageAnswerSchema = z.looseObject({
  session: z.looseObject({ total_cost_usd: z.number().min(0).nullish(), model_usage: ModelUsageSchema.nullish() }),
});

export const SystemFrameSchema = z.object({
  type: z.literal("system"),
  subtype: z.string(),
  session_id: z.string().nullish(),
});

/** Claude asks something of this side. */
export const ControlRequestSchema = z.object({
  type: z.literal("control_request"),
  request_id: z.string(),
  request: z.looseObject({ subtype: z.string() }),
});

export const CanUseToolSchema = z.object({
  subtype: z.literal("can_use_tool"),
  tool_name: z.string(),
  display_name: z.string().nullish(),
  description: z.string().nullish(),
  input: z.record(z.string(), z.unknown()).default({}),
  tool_use_id: z.string().nullish(),
  decision_reason: z.string().nullish(),
  blocked_path: z.string().nullish(),
  permission_suggestions: z
    .array(
      z.looseObject({
        type: z.string(),
        mode: z.string().nullish(),
        destination: z.string().nullish(),
        behavior: z.string().nullish(),
        rules: z.array(z.object({ toolName: z.string(), ruleContent: z.string().nullish() })).nullish(),
        directories: z.array(z.string()).nullish(),
      }),
    )
    .nullish(),
});
export type CanUseTool = z.infer<typeof CanUseToolSchema>;

/** Claude answers what this side asked. */
export const ControlResponseSchema = z.object({
  type: z.literal("control_response"),
  response: z.object({
    subtype: z.string(),
    request_id: z.string(),
    error: z.string().nullish(),
    response: z.unknown().optional(),
  }),
});

/** Claude does not wait for an answer any more. */
export const ControlCancelSchema = z.object({ type: z.literal("control_cancel_request"), request_id: z.string() });

/** The input of `AskUserQuestion`. */
export const AskInputSchema = z.looseObject({
  questions: z.array(
    z.looseObject({
      question: z.string(),
      header: z.string().nullish(),
      multiSelect: z.boolean().default(false),
      options: z.array(z.looseObject({ label: z.string(), description: z.string().nullish() })).default([]),
    }),
  ),
});

/** The input of `TodoWrite`. */
export const TodoInputSchema = z.object({
  todos: z.array(z.object({ content: z.string(), status: z.string() })),
});
