import type { Budget } from "@signalbox/protocol";
import type { Command } from "commander";

import { usageError } from "./errors.ts";
import { readCount } from "./read-milliseconds.ts";

/** What somebody said of a budget. */
export interface BudgetOptions {
  readonly budgetTokens?: number;
  readonly budgetUsd?: string;
}

/** Adds the options for what may be used before somebody is asked for more; `who` uses it. */
export function addBudgetOptions(command: Command, who: string): Command {
  return command
    .option("--budget-tokens <count>", `ask before ${who} more tokens than this`, readCount)
    .option("--budget-usd <amount>", `ask before ${who} more money than this, as far as agents report costs`);
}

/** The budget that was asked for, as part of a request. */
export function readBudget({ budgetTokens, budgetUsd }: BudgetOptions): { budget?: Budget } {
  const budget = {
    ...(budgetTokens === undefined ? {} : { tokens: budgetTokens }),
    ...(budgetUsd === undefined ? {} : { costUsd: readAmount(budgetUsd) }),
  };
  return Object.keys(budget).length === 0 ? {} : { budget };
}

function readAmount(text: string): number {
  const amount = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || amount <= 0)
    throw usageError(`--budget-usd ${text}: must be an amount such as 2.50`);
  return amount;
}
