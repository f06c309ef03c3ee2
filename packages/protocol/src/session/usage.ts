import * as z from "zod";

const tokens = z.int().min(0);

/** What an agent has used so far, as it reports it itself; a field that it does not report is absent. */
export const UsageSchema = z.object({
  inputTokens: tokens.default(0),
  outputTokens: tokens.default(0),
  /** Of `inputTokens`, those that the provider had cached. */
  cachedTokens: tokens.optional(),
  reasoningTokens: tokens.optional(),
  costUsd: z.number().min(0).optional(),
});
export type Usage = z.infer<typeof UsageSchema>;

/** The most that a session may use. Where a figure is not reported by the agent it cannot be held to it. */
export const BudgetSchema = z
  .strictObject({
    /** Input and output tokens together. */
    tokens: z.int().min(1).max(1_000_000_000).optional(),
    costUsd: z.number().positive().max(1_000_000).optional(),
  })
  .refine(({ tokens: most, costUsd }) => most !== undefined || costUsd !== undefined, "needs tokens or costUsd");
export type Budget = z.infer<typeof BudgetSchema>;

/** The share of a budget that is used, 1 when it is used up. Pure. */
export function shareUsed(usage: Usage, budget: Budget): number {
  const shares = [
    budget.tokens === undefined ? 0 : (usage.inputTokens + usage.outputTokens) / budget.tokens,
    budget.costUsd === undefined ? 0 : (usage.costUsd ?? 0) / budget.costUsd,
  ];
  return Math.max(...shares);
}
