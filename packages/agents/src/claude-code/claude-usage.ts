import type { Usage } from "@signalbox/protocol";

import type { UsageNews } from "../session/news.ts";
import { withoutUndefined } from "../without-undefined.ts";
import type { ClaudeModelUsage } from "./claude-frames.ts";

/** What all models took together. Cached tokens are among the input, as everywhere here; Claude has them beside it. Pure. */
export function claudeUsage(models: ClaudeModelUsage, costUsd: number | undefined): UsageNews {
  const each = Object.values(models);
  const sum = (count: (model: ClaudeModelUsage[string]) => number): number =>
    each.reduce((total, model) => total + count(model), 0);
  const usage = {
    inputTokens: sum((model) => model.inputTokens + model.cacheReadInputTokens + model.cacheCreationInputTokens),
    outputTokens: sum((model) => model.outputTokens),
    cachedTokens: sum((model) => model.cacheReadInputTokens),
    reasoningTokens: sum((model) => model.thinkingTokens),
    ...withoutUndefined({ costUsd }),
  };
  const contextWindow = each.map((model) => model.contextWindow).find((size) => typeof size === "number");
  return { news: "usage", counts: "total", usage, contextWindow: contextWindow ?? undefined };
}

/** What was used since: Claude counts from the beginning of a conversation, also when that was in another process. Pure. */
export function usedSince(usage: Partial<Usage>, before: Partial<Usage>): Partial<Usage> {
  const entries = Object.entries(usage) as [keyof Usage, number][];
  return Object.fromEntries(entries.map(([name, count]) => [name, Math.max(0, count - (before[name] ?? 0))]));
}
