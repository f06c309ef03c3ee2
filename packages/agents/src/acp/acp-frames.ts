import * as z from "zod";

// What this adapter reads of ACP, no more: agents differ in what they send beside it, and none of that may end a session.

const text = z.string().nullish();

const ContentSchema = z.looseObject({ type: z.string(), text: z.string().optional() });

const ToolContentSchema = z.looseObject({
  type: z.string(),
  content: ContentSchema.optional(),
  path: z.string().optional(),
  oldText: text,
  newText: z.string().optional(),
});

/** A tool call, or what changed of it: what is absent or null stays as it was. */
export const ToolCallSchema = z.looseObject({
  toolCallId: z.string(),
  title: text,
  name: text,
  kind: text,
  status: text,
  content: z.array(ToolContentSchema).nullish(),
  locations: z.array(z.looseObject({ path: z.string() })).nullish(),
  rawInput: z.unknown().optional(),
  rawOutput: z.unknown().optional(),
});
export type AcpToolCall = z.infer<typeof ToolCallSchema>;

const ChunkSchema = { content: ContentSchema, messageId: text };

/** The session updates that become news. */
export const ACP_UPDATES = {
  agent_message_chunk: z.object(ChunkSchema),
  agent_thought_chunk: z.object(ChunkSchema),
  tool_call: ToolCallSchema,
  tool_call_update: ToolCallSchema,
  plan: z.object({ entries: z.array(z.object({ content: z.string(), status: z.string() })) }),
  usage_update: z.object({
    used: z.number().nullish(),
    size: z.number().nullish(),
    cost: z.object({ amount: z.number().min(0), currency: z.string() }).nullish(),
  }),
} as const;

export const SessionUpdateSchema = z.object({
  sessionId: z.string(),
  update: z.looseObject({ sessionUpdate: z.string() }),
});

export const PermissionRequestSchema = z.object({
  sessionId: z.string(),
  toolCall: ToolCallSchema,
  options: z.array(z.object({ optionId: z.string(), name: z.string(), kind: z.string() })),
});

const ChoiceSchema = z.object({ const: z.string(), title: text, description: text });

/** One field of a form that a user fills in. */
export const FormFieldSchema = z.looseObject({
  type: z.string(),
  title: text,
  description: text,
  enum: z.array(z.string()).nullish(),
  oneOf: z.array(ChoiceSchema).nullish(),
  items: z.looseObject({ enum: z.array(z.string()).nullish(), anyOf: z.array(ChoiceSchema).nullish() }).nullish(),
});
export type FormField = z.infer<typeof FormFieldSchema>;

export const ElicitationSchema = z.looseObject({
  mode: z.string().default("form"),
  message: z.string().default(""),
  toolCallId: text,
  requestedSchema: z.looseObject({ properties: z.record(z.string(), FormFieldSchema).default({}) }).optional(),
});

export const InitializedSchema = z.looseObject({
  protocolVersion: z.number(),
  agentInfo: z.looseObject({ name: text, version: text }).nullish(),
  agentCapabilities: z
    .looseObject({
      loadSession: z.boolean().default(false),
      sessionCapabilities: z.looseObject({ resume: z.unknown().optional() }).nullish(),
    })
    .nullish(),
});

export const ConfigOptionSchema = z.looseObject({ id: z.string(), category: text });

export const OpenedSchema = z.looseObject({
  sessionId: z.string().optional(),
  configOptions: z.array(ConfigOptionSchema).nullish(),
});

const count = z.number().min(0).nullish();

export const PromptResponseSchema = z.looseObject({
  stopReason: z.string(),
  usage: z
    .looseObject({
      inputTokens: count,
      outputTokens: count,
      thoughtTokens: count,
      cachedReadTokens: count,
      cachedWriteTokens: count,
    })
    .nullish(),
  _meta: z.record(z.string(), z.unknown()).nullish(),
});
export type AcpPromptResponse = z.infer<typeof PromptResponseSchema>;
