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

/** The most that a session or a run may use. Where a figure is not reported by the agent it cannot be held to it. */
export const BudgetSchema = z
  .strictObject({
    /** Input and output tokens together. */
    tokens: z.int().min(1).max(1_000_000_000).optional(),
    costUsd: z.number().positive().max(1_000_000).optional(),
  })
  .refine(({ tokens: most, costUsd }) => most !== undefined || costUsd !== undefined, "needs tokens or costUsd");
export type Budget = z.infer<typeof BudgetSchema>;

/** A budget as it stands after whatever was added to it. */
export const GrantedBudgetSchema = z.object({
  tokens: z.int().optional(),
  costUsd: z.number().optional(),
}) satisfies z.ZodType<Budget>;

/** What an approval of the kind `budget` has as its context. */
export const BudgetQuestionSchema = z.object({
  budget: GrantedBudgetSchema,
  usage: UsageSchema,
  /** What a yes adds, counted from what is used by then. */
  more: GrantedBudgetSchema,
});
export type BudgetQuestion = z.infer<typeof BudgetQuestionSchema>;

/** Nothing used yet. */
export const NO_USAGE: Usage = { inputTokens: 0, outputTokens: 0 };

/** Both together. A figure that neither has stays absent. Pure. */
export function addUsage(one: Usage, other: Usage): Usage {
  return combine(one, other, (a, b) => a + b);
}

/** What was used between two totals; never less than nothing, whatever the agent says. Pure. */
export function usageSince(total: Usage, before: Usage): Usage {
  return combine(total, before, (a, b) => Math.max(0, a - b));
}

function combine(one: Usage, other: Usage, how: (a: number, b: number) => number): Usage {
  const optional = (["cachedTokens", "reasoningTokens", "costUsd"] as const)
    .filter((name) => one[name] !== undefined || other[name] !== undefined)
    .map((name) => [name, how(one[name] ?? 0, other[name] ?? 0)]);
  return {
    inputTokens: how(one.inputTokens, other.inputTokens),
    outputTokens: how(one.outputTokens, other.outputTokens),
    ...(Object.fromEntries(optional) as Partial<Usage>),
  };
}

/** What a budget counts, each by what of a usage it is. */
const COUNTS = {
  tokens: ({ inputTokens, outputTokens }: Usage) => inputTokens + outputTokens,
  costUsd: ({ costUsd = 0 }: Usage) => costUsd,
} satisfies Record<keyof Budget, (usage: Usage) => number>;

/** What a budget can count. */
export const BUDGET_COUNTS = Object.keys(COUNTS) as readonly (keyof Budget)[];

/** How much of one count was used. Pure. */
export function countOf(usage: Usage, count: keyof Budget): number {
  return COUNTS[count](usage);
}

/** The share of a budget that is used, 1 when it is used up. Pure. */
export function shareUsed(usage: Usage, budget: Budget): number {
  return Math.max(...BUDGET_COUNTS.map((count) => countOf(usage, count) / (budget[count] ?? Infinity)));
}

/** A budget that leaves `more` beyond what is used by now, or beyond itself where that is more. Pure. */
export function extended(budget: Budget, used: Usage, more: Budget): Budget {
  const counts = BUDGET_COUNTS.filter((count) => budget[count] !== undefined).map((count) => [
    count,
    Math.max(budget[count] ?? 0, countOf(used, count)) + (more[count] ?? 0),
  ]);
  return Object.fromEntries(counts) as Budget;
}
