import * as z from "zod";

import { TimestampSchema } from "../timestamp.ts";

/** The body of a post to a webhook. */
export const WebhookMessageSchema = z.object({
  /** The same as the header `webhook-id`: one event for one webhook has one, however often it is posted. */
  id: z.string(),
  event_type: z.string(),
  /** When it happened. */
  created_at: TimestampSchema,
  org_id: z.string(),
  /** The run that it is about; of a session, the run whose step it is. Absent for what is about no run. */
  run_id: z.string().optional(),
  session_id: z.string().optional(),
  /** The step that it is about; of a session, the step that it is the work of. */
  step_id: z.string().optional(),
  /** What numbers the event: within a stream, `seq` is 1, 2, 3 …, with gaps where the webhook does not ask for a type. */
  stream: z.string().optional(),
  seq: z.int().optional(),
  /** What the event carries, and a sentence for people as `message`. */
  payload: z.record(z.string(), z.unknown()),
  /** True where the payload was too large and is left out but for its message; it can be read over the API. */
  payload_omitted: z.literal(true).optional(),
});
export type WebhookMessage = z.infer<typeof WebhookMessageSchema>;
