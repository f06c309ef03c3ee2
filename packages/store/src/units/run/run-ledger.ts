import { addUsage, BUDGET_COUNTS, countOf, extended, NO_USAGE, type Budget, type Usage } from "@signalbox/protocol";

/** What the agents of a run may use and have used. Steps are named by their index. */
export interface RunLedger {
  /** What they may use together, as granted so far; null: as much as they like. */
  readonly budget: Budget | null;
  /** What it began with, which one yes adds again. */
  readonly share: Budget | null;
  /** What they have used together, as far as they have told it. */
  readonly used: Usage;
  /** What the live attempts have put aside of the budget, and drawn. */
  readonly held: Readonly<Record<string, Reservation>>;
  /** Steps that wait, before a lease or in the middle of their work, until something is left. */
  readonly waiting: readonly number[];
}

/** A part of the budget that only one attempt may draw on. */
export interface Reservation {
  readonly reserved: Budget;
  readonly drawn: Usage;
}

/** The ledger of a run none of whose agents has begun. Pure. */
export function newLedger(budget: Budget | null): RunLedger {
  return { budget, share: budget, used: NO_USAGE, held: {}, waiting: [] };
}

/** Whether all that is left is what live attempts have put aside, or not even that. Pure. */
export function isUsedUp(ledger: RunLedger): boolean {
  return BUDGET_COUNTS.some((count) => leftOf(ledger, count) <= 0);
}

/** Puts aside for an attempt what its step may use by itself, or what is left where that is less. Pure. */
export function reserve(ledger: RunLedger, step: number, own: Budget | undefined): RunLedger {
  const counts = BUDGET_COUNTS.filter((count) => ledger.budget?.[count] !== undefined && own?.[count] !== undefined);
  const reserved = counts.map((count) => [count, Math.max(0, Math.min(own?.[count] ?? 0, leftOf(ledger, count)))]);
  return {
    ...ledger,
    held: { ...ledger.held, [step]: { reserved: Object.fromEntries(reserved) as Budget, drawn: NO_USAGE } },
    waiting: ledger.waiting.filter((index) => index !== step),
  };
}

/** Notes what the agent of a step has used more. Pure. */
export function draw(ledger: RunLedger, step: number, more: Usage): RunLedger {
  const own = ledger.held[step];
  return {
    ...ledger,
    used: addUsage(ledger.used, more),
    held: own ? { ...ledger.held, [step]: { ...own, drawn: addUsage(own.drawn, more) } } : ledger.held,
  };
}

/** Whether an attempt may use more: of what it put aside, or of what nobody did. Pure. */
export function mayGoOn(ledger: RunLedger, step: number): boolean {
  const own = ledger.held[step];
  return BUDGET_COUNTS.every((count) => leftOf(ledger, count) > 0 || (own !== undefined && asideOf(own, count) > 0));
}

/** The attempt of a step is over: what it did not use of its part is everybody's again. Pure. */
export function refund(ledger: RunLedger, step: number): RunLedger {
  const { [step]: _own, ...held } = ledger.held;
  return { ...ledger, held };
}

/** A step is over: it holds nothing and waits for nothing. Pure. */
export function leave(ledger: RunLedger, step: number): RunLedger {
  return { ...refund(ledger, step), waiting: ledger.waiting.filter((index) => index !== step) };
}

/** A step waits until something is left. Pure. */
export function wait(ledger: RunLedger, step: number): RunLedger {
  return ledger.waiting.includes(step) ? ledger : { ...ledger, waiting: [...ledger.waiting, step] };
}

/** Leaves `more` for everybody, beyond what is used and put aside. Pure. */
export function extend(ledger: RunLedger, more: Budget): RunLedger {
  if (ledger.budget === null) return ledger;
  const { tokens = 0, costUsd = 0 } = asideOfAll(ledger);
  const committed = addUsage(ledger.used, { inputTokens: tokens, outputTokens: 0, costUsd });
  return { ...ledger, budget: extended(ledger.budget, committed, more) };
}

/** What is neither used nor put aside. */
function leftOf(ledger: RunLedger, count: keyof Budget): number {
  const most = ledger.budget?.[count];
  return most === undefined ? Infinity : most - countOf(ledger.used, count) - (asideOfAll(ledger)[count] ?? 0);
}

function asideOfAll({ held }: RunLedger): Budget {
  const sum = (count: keyof Budget) => Object.values(held).reduce((total, own) => total + asideOf(own, count), 0);
  return { tokens: sum("tokens"), costUsd: sum("costUsd") };
}

/** What an attempt has put aside and not yet drawn. */
function asideOf({ reserved, drawn }: Reservation, count: keyof Budget): number {
  return Math.max(0, (reserved[count] ?? 0) - countOf(drawn, count));
}
