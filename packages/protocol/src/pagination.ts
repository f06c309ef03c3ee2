import * as z from "zod";

import { limit } from "./limits.ts";

/** A page of a numbered list: `page` from 1, `pageSize` up to the limit `page.size`. */
export const PaginationParamsSchema = z.strictObject({
  page: z.coerce.number().int().min(1).max(1_000_000).default(1),
  pageSize: z.coerce.number().int().min(1).max(limit("page.size")).default(20),
});
export type PaginationParams = z.infer<typeof PaginationParamsSchema>;

/** One page of a list, with what a pager needs. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly total: number;
  readonly page: number;
  readonly pageSize: number;
  readonly hasMore: boolean;
}

/** A page of something, as a schema for documents. */
export function pageSchema<Item extends z.ZodType>(
  item: Item,
): z.ZodObject<{
  items: z.ZodArray<Item>;
  total: z.ZodNumber;
  page: z.ZodNumber;
  pageSize: z.ZodNumber;
  hasMore: z.ZodBoolean;
}> {
  return z.object({
    items: z.array(item),
    total: z.number(),
    page: z.number(),
    pageSize: z.number(),
    hasMore: z.boolean(),
  });
}

/** Cuts the items of one page into a `Page`. */
export function page<Item>(items: readonly Item[], total: number, params: PaginationParams): Page<Item> {
  return {
    items,
    total,
    page: params.page,
    pageSize: params.pageSize,
    hasMore: params.page * params.pageSize < total,
  };
}
