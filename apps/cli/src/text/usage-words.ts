import type { Budget, Usage } from "@signalbox/protocol";

/** What was used, as people read it; undefined for nothing. */
export function usageWords(usage: Usage | undefined): string | undefined {
  if (usage === undefined) return undefined;
  const { inputTokens, outputTokens, cachedTokens, costUsd = 0 } = usage;
  if (inputTokens + outputTokens + costUsd === 0) return undefined;
  const cached = cachedTokens === undefined ? "" : ` (${cachedTokens} cached)`;
  const cost = costUsd === 0 ? "" : `, $${costUsd.toFixed(2)}`;
  return `${inputTokens} tokens in${cached}, ${outputTokens} out${cost}`;
}

/** A budget, as people read it. */
export function budgetWords(budget: Budget | undefined): string | undefined {
  if (budget === undefined) return undefined;
  const { tokens, costUsd } = budget;
  const parts = [
    ...(tokens === undefined ? [] : [`${tokens} tokens`]),
    ...(costUsd === undefined ? [] : [`$${costUsd.toFixed(2)}`]),
  ];
  return parts.join(", ");
}
