import { BudgetQuestionSchema, type Approval } from "@signalbox/protocol";

import { budgetWords, usageWords } from "../text/usage-words.ts";

/** What a question about a budget comes to, in a line; undefined for any other. The whole of it is shown beside this. */
export function budgetAsked({ kind, context }: Pick<Approval, "kind" | "context">): string | undefined {
  const read = kind === "budget" ? BudgetQuestionSchema.safeParse(context).data : undefined;
  if (!read) return undefined;
  const { budget, usage, more } = read;
  return `${usageWords(usage) ?? "nothing"}, of ${budgetWords(budget) ?? ""}; a yes adds ${budgetWords(more) ?? ""}`;
}
