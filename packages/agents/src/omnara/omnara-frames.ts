import * as z from "zod";

/**
 * What this side reads of Omnara's published API (omnara-ai/omnara, docs/api-reference/openapi.yaml, "Omnara API" 0.1.0, as of
 * 2026-08-21), and no more: fields that are not needed may change or go. Operations: createAgent, getAgent, archiveAgent,
 * createAgentInput, cancelQueuedBacklogInput, cancelAgent, listEvents, streamEvents, listAgentInteractions,
 * resolveAgentInteraction.
 */
export const ErrorBodySchema = z.looseObject({ error: z.string(), code: z.string() });

/** CurrentAgentResponse, GetAgentResponse and LaunchAgentResponse: each has the agent. */
export const AgentEnvelopeSchema = z.looseObject({
  agent: z.looseObject({
    id: z.string(),
    state: z.enum(["active", "archived"]),
    model: z.looseObject({ name: z.string() }).optional(),
  }),
});

export const InputEnvelopeSchema = z.looseObject({ agent_input: z.looseObject({ id: z.string() }) });

export const CancelResponseSchema = z.looseObject({ affected: z.boolean() });

export const EventPageSchema = z.looseObject({ data: z.array(z.looseObject({ sequence: z.int() })) });

const OptionSchema = z.looseObject({ label: z.string(), allows_text: z.boolean().default(false) });
const FormSchema = z.looseObject({
  title: z.string(),
  context: z.array(z.looseObject({ label: z.string(), value: z.string() })).default([]),
  questions: z
    .array(
      z.looseObject({
        prompt: z.string(),
        multiple: z.boolean().default(false),
        options: z.array(OptionSchema).min(1),
      }),
    )
    .min(1),
});
export type OmnaraForm = z.infer<typeof FormSchema>;

export const InteractionSchema = z.looseObject({
  id: z.string().regex(/^int_[a-z2-7]{26}$/),
  interaction_kind: z.enum(["permission", "question"]),
  state: z.enum(["open", "resolved", "canceled"]),
  request: FormSchema,
});
export type OmnaraInteraction = z.infer<typeof InteractionSchema>;

export const InteractionPageSchema = z.looseObject({
  data: z.array(InteractionSchema),
  next_cursor: z.string().nullable(),
});

const event = { turn_id: z.string(), sequence: z.int() };

export const InputEventSchema = z.looseObject({
  ...event,
  is_opening_event: z.boolean(),
  agent_input_id: z.string(),
  input_kind: z.string(),
  control_type: z.string().optional(),
  input_idempotency_key: z.string().optional(),
  interaction_id: z.string().optional(),
});
export type OmnaraInputEvent = z.infer<typeof InputEventSchema>;

const BlockSchema = z.discriminatedUnion("type", [
  z.looseObject({ type: z.literal("text"), text: z.string() }),
  z.looseObject({ type: z.literal("reasoning"), text: z.string() }),
  z.looseObject({ type: z.literal("error"), text: z.string() }),
  z.looseObject({ type: z.literal("media_ref") }),
  z.looseObject({ type: z.literal("structured_data"), value: z.unknown() }),
  z.looseObject({
    type: z.literal("tool_call"),
    tool_call_id: z.string(),
    name: z.string(),
    input: z.record(z.string(), z.unknown()),
  }),
]);

export const ModelOutputSchema = z.looseObject({
  ...event,
  model_call_context_id: z.string(),
  stop_reason: z.string(),
  content_blocks: z.array(BlockSchema),
});
export type OmnaraModelOutput = z.infer<typeof ModelOutputSchema>;

export const ToolResultSchema = z.looseObject({
  ...event,
  tool_call_id: z.string(),
  outcome: z.enum(["succeeded", "failed", "denied", "canceled"]),
  content_blocks: z.array(BlockSchema),
});
export type OmnaraToolResult = z.infer<typeof ToolResultSchema>;

export const ToolCallUpdateSchema = z.looseObject({ tool_call_id: z.string(), state: z.string() });

const count = z.int().min(0).optional();
const DeltaEventSchema = z.discriminatedUnion("kind", [
  z.looseObject({
    kind: z.literal("block_start"),
    block: z.looseObject({ kind: z.string(), tool_call_id: z.string().optional(), tool_name: z.string().optional() }),
  }),
  z.looseObject({ kind: z.literal("text_delta"), delta: z.string() }),
  z.looseObject({ kind: z.literal("thinking_delta"), delta: z.string() }),
  z.looseObject({ kind: z.literal("tool_arguments_delta") }),
  z.looseObject({ kind: z.literal("block_stop") }),
  z.looseObject({
    kind: z.literal("message_stop"),
    stop: z.looseObject({
      usage: z.looseObject({
        input_tokens_total: count,
        output_tokens_total: count,
        cache_read_input_tokens: count,
        reasoning_output_tokens: count,
      }),
    }),
  }),
  z.looseObject({ kind: z.literal("error") }),
]);

/** A preview of what the model says; Omnara may leave some out, and says so by gaps in the numbers. */
export const DeltaSchema = z.looseObject({
  turn_id: z.string(),
  model_call_context_id: z.string(),
  seq: z.int(),
  source_seq_start: z.int(),
  source_seq_end: z.int(),
  coalesced_count: z.int(),
  event: DeltaEventSchema,
});
export type OmnaraDelta = z.infer<typeof DeltaSchema>;

/** One message of the event stream, as the link hands it on: its name, its id, and the JSON in it. */
export const StreamFrameSchema = z.strictObject({ event: z.string(), id: z.string(), data: z.unknown() });
export type OmnaraStreamFrame = z.infer<typeof StreamFrameSchema>;
