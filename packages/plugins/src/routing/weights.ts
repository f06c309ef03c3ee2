/**
 * What a match is worth. `points` for each, and of each kind only the best `atMost` count: a plugin does not win by listing every
 * word there is. Paths are worth their share: all points when every path of the request matches, half for half of them.
 */
export const ROUTING_WEIGHTS = {
  domain: { points: 10, atMost: 3 },
  context: { points: 6, atMost: 3 },
  pattern: { points: 4, atMost: 3 },
  integration: { points: 4, atMost: 3 },
  keyword: { points: 3, atMost: 5 },
  path: { points: 20, atMost: 1 },
} as const satisfies Record<string, { readonly points: number; readonly atMost: number }>;

/** What of a request and a plugin can match. */
export type MatchKind = keyof typeof ROUTING_WEIGHTS;
