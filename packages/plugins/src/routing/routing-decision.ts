import { limit } from "../limits.ts";
import { printableName } from "../printable.ts";
import type { Match } from "./match-plugin.ts";
import type { LeftOutPlugin, Route, RouteCandidate } from "./route-request.ts";

/** Where decisions are published. */
export const DECISION_TOPIC = "routing/decision";

/** What became of one plugin, and why, in a few words each. */
export interface DecisionReason {
  readonly pluginId: string;
  readonly outcome: "primary" | "fallback" | "left-out";
  /** Absent for a plugin that was left out. */
  readonly score?: number;
  readonly why: readonly string[];
}

/** The payload of `routing/decision`. Of very many plugins and reasons it holds the first; `omitted` counts the plugins left away. */
export interface RoutingDecision {
  readonly requestId: string;
  /** Null where no plugin can be asked. */
  readonly primaryPlugin: string | null;
  /** Who is asked when the primary fails, in this order. */
  readonly fallbacks: readonly string[];
  readonly reasons: readonly DecisionReason[];
  readonly omitted: number;
  /** ISO 8601 in UTC. */
  readonly timestamp: string;
}

/** A route as it is told to everybody. It holds no word of the request that no manifest holds too. */
export function toDecision({ requestId, candidates, leftOut }: Route, nowMs: number): RoutingDecision {
  const [primary, ...fallbacks] = candidates.map(({ pluginId }) => pluginId);
  const reasons = [...candidates.map(toReason), ...leftOut.map(toLeftOutReason)];
  const told = reasons.slice(0, limit("decision.plugins"));
  return {
    requestId,
    primaryPlugin: primary ?? null,
    fallbacks,
    reasons: told,
    omitted: reasons.length - told.length,
    timestamp: new Date(nowMs).toISOString(),
  };
}

function toReason({ pluginId, score, matches }: RouteCandidate, rank: number): DecisionReason {
  return { pluginId, outcome: rank === 0 ? "primary" : "fallback", score, why: toWords(matches) };
}

function toLeftOutReason({ pluginId, obstacles }: LeftOutPlugin): DecisionReason {
  return { pluginId, outcome: "left-out", why: obstacles.map(({ kind }) => kind) };
}

function toWords(matches: readonly Match[]): string[] {
  return matches
    .filter(({ points }) => points > 0)
    .toSorted((a, b) => b.points - a.points)
    .slice(0, limit("decision.reasons"))
    .map(({ kind, term, points }) => `${kind} ${printableName(term)} +${points}`);
}
