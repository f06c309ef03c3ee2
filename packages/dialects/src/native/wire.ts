import {
  ApprovalKindSchema,
  ApprovalStateSchema,
  DeliveryStateSchema,
  ERROR_CODES,
  EventRecordSchema,
  GateSchema,
  GateStateSchema,
  limit,
  LIMITS,
  OpaqueIdSchema,
  OutputStreamSchema,
  ProjectIdSchema,
  ProjectSchema,
  RequestApprovalRequestSchema,
  ResolveApprovalRequestSchema,
  RunSchema,
  RunStateSchema,
  SessionStateSchema,
  StopSessionRequestSchema,
  TimestampSchema,
  TokenSchema,
  WebhookDeliverySchema,
  WorkspaceFileSchema,
} from "@signalbox/protocol";
import * as z from "zod";

import { wholeNumber, yesOrNo } from "../query.ts";

const cursor = wholeNumber({ min: 0, max: Number.MAX_SAFE_INTEGER });
const count = wholeNumber({ min: 1, max: limit("page.size") });

export const ListRunsQuerySchema = z.strictObject({
  projectId: ProjectIdSchema.optional(),
  status: RunStateSchema.optional(),
  limit: count.optional(),
  /** The id of the last run of the page before. */
  cursor: OpaqueIdSchema.optional(),
});
export const RunListSchema = z.object({ items: z.array(RunSchema), nextCursor: z.string().optional() });

export const EventsQuerySchema = z.strictObject({
  after: cursor.optional(),
  limit: wholeNumber({ min: 1, max: limit("reader.batchEvents") }).optional(),
});
export type EventsQuery = z.infer<typeof EventsQuerySchema>;
export const EventListSchema = z.object({
  events: z.array(EventRecordSchema),
  lastSeq: z.int(),
  gap: z.object({ earliest: z.int() }).optional(),
});
export const EventStreamQuerySchema = EventsQuerySchema.omit({ limit: true });

export const OutputQuerySchema = z.strictObject({
  after: cursor.optional(),
  step: z.string().optional(),
  /** Default: what the run's programs wrote; `agent` is what an agent says, as lines of JSON. */
  stream: OutputStreamSchema.optional(),
  format: z.enum(["sse", "raw"]).default("sse"),
  follow: yesOrNo().optional(),
});
export type OutputQuery = z.infer<typeof OutputQuerySchema>;

export const ListGatesQuerySchema = z.strictObject({
  status: GateStateSchema.optional(),
  runId: OpaqueIdSchema.optional(),
  limit: count.optional(),
});
export const GateListSchema = z.object({ items: z.array(GateSchema) });

export const PageQuerySchema = z.strictObject({
  page: wholeNumber({ min: 1, max: 1_000_000 }).optional(),
  pageSize: count.optional(),
});
export const ReasonQuerySchema = z.strictObject({ reason: z.string().min(1).max(200).optional() });

export const DiffQuerySchema = z.strictObject({
  /** An earlier diff of this session, as it was named. */
  document: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
});

export const ListSessionsQuerySchema = PageQuerySchema.extend({ state: SessionStateSchema.optional() });
export const ListApprovalsQuerySchema = z.strictObject({
  state: ApprovalStateSchema.optional(),
  kind: ApprovalKindSchema.optional(),
  sessionId: OpaqueIdSchema.optional(),
  limit: count.optional(),
});
export const ReasonBodySchema = StopSessionRequestSchema.omit({ sessionId: true });
export const AskApprovalBodySchema = RequestApprovalRequestSchema.omit({ sessionId: true }).partial({
  description: true,
  context: true,
});
export const ResolveApprovalBodySchema = ResolveApprovalRequestSchema.omit({ approvalId: true });

export const ListDeliveriesQuerySchema = z.strictObject({
  state: DeliveryStateSchema.optional(),
  limit: count.optional(),
  /** The id of the last delivery of the page before. */
  cursor: OpaqueIdSchema.optional(),
});
export const DeliveryListSchema = z.object({
  items: z.array(WebhookDeliverySchema),
  nextCursor: z.string().optional(),
});

/** A body that may be left out and holds nothing. */
export const EmptyBodySchema = z.strictObject({});
export const FileListSchema = z.object({ runId: z.string(), files: z.array(WorkspaceFileSchema) });
export const PutProjectResultSchema = ProjectSchema.extend({ created: z.boolean() });
export const SecretSchema = z.object({ scope: z.string(), name: z.string() });
export const NewTokenSchema = TokenSchema.extend({ token: z.string() });
export const TokenListSchema = z.object({ items: z.array(TokenSchema) });
export const EnrolmentTokenSchema = z.object({ token: z.string(), expiresAt: TimestampSchema });
export const StreamTicketSchema = z.object({ ticket: z.string(), expiresAt: TimestampSchema });

export const LimitTableSchema = z.record(
  z.enum(Object.keys(LIMITS) as [string, ...string[]]),
  z.object({ value: z.number(), unit: z.string(), meaning: z.string() }),
);
export const ErrorTableSchema = z.record(
  z.enum(Object.keys(ERROR_CODES) as [string, ...string[]]),
  z.object({ status: z.int(), retryable: z.boolean(), meaning: z.string() }),
);
