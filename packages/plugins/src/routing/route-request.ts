import type { CircuitState } from "@signalbox/circuit-breaker";
import type { PluginManifest } from "../manifest/manifest.ts";
import { RequestMatcher, rounded } from "./match-plugin.ts";
import type { Match } from "./match-plugin.ts";
import { checkRouteRequest } from "./route-request-schema.ts";
import type { RouteRequest } from "./route-request-schema.ts";

/** A plugin as the router sees it. */
export interface RoutablePlugin {
  readonly manifest: PluginManifest;
  /** Whether it takes requests now. */
  readonly isRunning: boolean;
  /** The state of the breaker in front of it; left out where it has none. */
  readonly breaker?: CircuitState | undefined;
}

/** A plugin that can be asked. */
export interface RouteCandidate {
  readonly pluginId: string;
  readonly score: number;
  /** Of its manifest; decides between equal scores. */
  readonly priority: number;
  /** What its score is made of. */
  readonly matches: readonly Match[];
}

/** Why a plugin cannot be asked. */
export const OBSTACLES = {
  "is-asking": "it is the one that asks",
  "not-running": "it is not running",
  "breaker-open": "its circuit is open",
  "not-accepted": "its acceptsRoutingFrom does not name who asks",
  "not-allowed": "the canRouteTo of who asks does not name it",
  "lacks-required": "it lacks what the request requires",
  "no-match": "nothing of it fits the request",
} as const;
export type ObstacleKind = keyof typeof OBSTACLES;

export interface Obstacle {
  readonly kind: ObstacleKind;
  /** The whole reason, with names. */
  readonly detail: string;
}

/** A plugin that was left out, and every reason for it. */
export interface LeftOutPlugin {
  readonly pluginId: string;
  readonly obstacles: readonly Obstacle[];
  /** What would have counted. */
  readonly matches: readonly Match[];
}

/** The answer to a request: whom to ask first, whom next, and why not the others. */
export interface Route {
  readonly requestId: string;
  /** Best first: by score, then priority, then name. */
  readonly candidates: readonly RouteCandidate[];
  /** By name. */
  readonly leftOut: readonly LeftOutPlugin[];
}

/**
 * Ranks plugins for a request. The same request and plugins give the same route, in whatever order the plugins come.
 * Refuses what is no request with an `InvalidRouteRequestError`.
 *
 * Who asks matters: an empty `acceptsRoutingFrom` takes requests from anybody, an empty `canRouteTo` hands on to nobody. The host,
 * which is who asks where the request does not say, is taken by everybody. An asker that is not among the plugins has no
 * `canRouteTo`; whether it may ask at all is for the caller to say.
 */
export function routeRequest(request: RouteRequest, plugins: Iterable<RoutablePlugin>): Route {
  const checked = checkRouteRequest(request);
  const all = [...plugins].sort((a, b) => compareNames(a.manifest.name, b.manifest.name));
  const asker = all.find(({ manifest }) => manifest.name === checked.from)?.manifest;
  const matcher = new RequestMatcher(checked);
  const candidates: RouteCandidate[] = [];
  const leftOut: LeftOutPlugin[] = [];
  for (const plugin of all) {
    const { name, routing } = plugin.manifest;
    const matches = matcher.match(plugin.manifest);
    const obstacles = obstaclesOf(plugin, { from: checked.from, asker, matcher, matches });
    if (obstacles.length > 0) leftOut.push({ pluginId: name, obstacles, matches });
    else candidates.push({ pluginId: name, score: scoreOf(matches), priority: routing.priority, matches });
  }
  // Sorting keeps the order of equals, which is by name.
  candidates.sort((a, b) => b.score - a.score || b.priority - a.priority);
  return { requestId: checked.requestId, candidates, leftOut };
}

interface Question {
  readonly from: string | undefined;
  readonly asker: PluginManifest | undefined;
  readonly matcher: RequestMatcher;
  readonly matches: readonly Match[];
}

function obstaclesOf({ manifest, isRunning, breaker }: RoutablePlugin, question: Question): Obstacle[] {
  const { from, asker, matcher, matches } = question;
  const { acceptsRoutingFrom } = manifest.routing;
  const missing = matcher.missing(manifest);
  const obstacles: Obstacle[] = [];
  const add = (kind: ObstacleKind, detail: string = OBSTACLES[kind]) => obstacles.push({ kind, detail });
  if (manifest.name === from) add("is-asking");
  if (!isRunning) add("not-running");
  if (breaker === "open") add("breaker-open");
  if (from !== undefined && acceptsRoutingFrom.length > 0 && !acceptsRoutingFrom.includes(from)) {
    add("not-accepted", `its acceptsRoutingFrom names ${acceptsRoutingFrom.join(", ")}, not ${from}`);
  }
  if (asker !== undefined && asker !== manifest && !asker.routing.canRouteTo.includes(manifest.name)) {
    add("not-allowed", `canRouteTo of ${asker.name} does not name it`);
  }
  if (missing.length > 0) add("lacks-required", `it lacks ${missing.join(", ")}`);
  if (matches.length === 0) add("no-match");
  return obstacles;
}

function scoreOf(matches: readonly Match[]): number {
  return rounded(matches.reduce((sum, { points }) => sum + points, 0));
}

/** By code units: the same on every machine. */
function compareNames(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
