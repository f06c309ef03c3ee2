import { printableName } from "../printable.ts";
import type { LeftOutPlugin, Route, RouteCandidate } from "./route-request.ts";
import type { Match } from "./match-plugin.ts";

/**
 * A route as lines for a person: who is asked, in which order and for what; who is not, and why. With the name of a plugin, what
 * became of that one. Ends without a newline and holds nothing hidden.
 */
export function explainRoute(route: Route, pluginId?: string): string {
  if (pluginId === undefined) return explainAll(route);
  const rank = route.candidates.findIndex((candidate) => candidate.pluginId === pluginId);
  const candidate = route.candidates[rank];
  if (candidate !== undefined) return candidateLines(candidate, rank).join("\n");
  const leftOut = route.leftOut.find((plugin) => plugin.pluginId === pluginId);
  return leftOut === undefined
    ? `${printableName(pluginId)} is not a plugin that was looked at`
    : leftOutLines(leftOut).join("\n");
}

function explainAll({ requestId, candidates, leftOut }: Route): string {
  const asked = candidates.length === 0 ? ["no plugin can be asked"] : candidates.flatMap(candidateLines);
  return [`request ${printableName(requestId)}`, ...asked, ...leftOut.flatMap(leftOutLines)].join("\n");
}

function candidateLines({ pluginId, score, priority, matches }: RouteCandidate, rank: number): string[] {
  const place = rank === 0 ? "asked first" : `fallback ${rank}`;
  return [`${pluginId}: ${place}, score ${score}, priority ${priority}`, ...matches.map(matchLine)];
}

function leftOutLines({ pluginId, obstacles, matches }: LeftOutPlugin): string[] {
  const why = obstacles.map(({ detail }) => `  - ${printableName(detail)}`);
  return [`${pluginId}: not asked`, ...why, ...matches.map(matchLine)];
}

function matchLine({ kind, term, points }: Match): string {
  return `  + ${kind} ${printableName(term)}: ${points > 0 ? points : "counted already"}`;
}
