import { DeliveryStateSchema, limit, OpaqueIdSchema, type WebhookDelivery } from "@signalbox/protocol";
import * as z from "zod";

/** Which deliveries are wanted, as it comes from a caller. */
export const ListDeliveriesQuerySchema = z.strictObject({
  state: DeliveryStateSchema.optional(),
  limit: z.coerce.number().int().min(1).max(limit("page.size")).default(50),
  /** The last delivery of the page before. */
  cursor: OpaqueIdSchema.optional(),
});
/** Which deliveries are wanted. */
export type ListDeliveriesQuery = z.input<typeof ListDeliveriesQuerySchema>;

/** A page of deliveries, newest first. */
export interface DeliveryPage {
  readonly items: WebhookDelivery[];
  /** Where the next page begins; absent on the last. */
  readonly nextCursor?: string;
}
