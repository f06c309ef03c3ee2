import * as z from "zod";

import { ActorSchema } from "./actor.ts";
import { TimestampSchema } from "./timestamp.ts";

/** A fact about one run, runner or other stream; `seq` counts 1, 2, 3 … within its stream, without holes. */
export const EventRecordSchema = z.object({
  stream: z.string(),
  seq: z.number().int().min(1),
  type: z.string(),
  schemaVersion: z.number().int(),
  at: TimestampSchema,
  actor: ActorSchema,
  traceparent: z.string().optional(),
  /** The `stream/seq` of the event that led to this one. */
  causation: z.string().optional(),
  data: z.record(z.string(), z.unknown()),
});
export type EventRecord = z.infer<typeof EventRecordSchema>;

/** One row of a table of events: what it says, and the shape of what it carries. */
export interface EventDefinition {
  readonly meaning: string;
  readonly data: z.ZodObject;
}
