interface LimitRow {
  readonly value: number;
  readonly unit: "bytes" | "ms" | "count" | "characters";
  readonly meaning: string;
}

/** Every limit and default duration of this package, one row each. Where a setting can change one, the row is its default. */
export const PLUGIN_LIMITS = {
  "manifest.bytes": { value: 65_536, unit: "bytes", meaning: "a plugin.json or routing-config.json" },
  "manifest.depth": { value: 16, unit: "count", meaning: "nesting of a manifest" },
  "manifest.problems": { value: 50, unit: "count", meaning: "problems of one manifest that are told at once" },
  "manifest.words": { value: 100, unit: "count", meaning: "entries of one list of capabilities, keywords or names" },
  "manifest.wordLength": { value: 64, unit: "characters", meaning: "one capability, keyword or method" },
  "manifest.versionLength": { value: 64, unit: "characters", meaning: "a version" },
  "manifest.pathLength": { value: 1_024, unit: "characters", meaning: "a path in a manifest" },
  "manifest.paths": { value: 100, unit: "count", meaning: "paths under one key of a manifest" },
  "manifest.priority": { value: 1_000, unit: "count", meaning: "the highest priority" },
  "glob.length": { value: 256, unit: "characters", meaning: "a glob" },
  "glob.wildcards": { value: 8, unit: "count", meaning: "wildcards of one glob" },
  "glob.perPlugin": { value: 50, unit: "count", meaning: "globs of one plugin" },
  "topic.perPlugin": { value: 64, unit: "count", meaning: "topics, and subscriptions, of one plugin" },
  "breaker.threshold": { value: 1_000, unit: "count", meaning: "failures that a breaker may be told to wait for" },
  "breaker.halfOpenRetries": { value: 100, unit: "count", meaning: "successes that a breaker may be told to wait for" },
  "breaker.timeMs": { value: 86_400_000, unit: "ms", meaning: "longest `timeout` or `monitoringWindow` of a breaker" },
  "retry.retries": { value: 10, unit: "count", meaning: "retries that a manifest may ask for" },
  "retry.delayMs": { value: 300_000, unit: "ms", meaning: "longest delay before a retry that a manifest may ask for" },
  "request.textLength": { value: 100_000, unit: "characters", meaning: "the text of a request to route" },
  "request.words": { value: 100, unit: "count", meaning: "entries of one list of a request to route" },
  "request.paths": { value: 100, unit: "count", meaning: "paths of a request to route" },
  "request.pathLength": { value: 1_024, unit: "characters", meaning: "one path of a request to route" },
  "request.pathsLength": { value: 16_384, unit: "characters", meaning: "all paths of a request to route" },
  "request.idLength": { value: 128, unit: "characters", meaning: "the id of a request to route" },
  "request.timeoutMs": { value: 30_000, unit: "ms", meaning: "for a plugin to answer one try of a dispatched request" },
  "decision.plugins": { value: 50, unit: "count", meaning: "plugins that a `routing/decision` tells the reasons of" },
  "decision.reasons": { value: 10, unit: "count", meaning: "matches of one plugin that a `routing/decision` tells" },
  "host.plugins": { value: 200, unit: "count", meaning: "plugins of one host" },
  "host.startingAtOnce": { value: 4, unit: "count", meaning: "plugins that `startAll` starts at the same time" },
  "host.readyMs": { value: 30_000, unit: "ms", meaning: "for a started plugin to announce that it is ready" },
  "host.stopGraceMs": { value: 10_000, unit: "ms", meaning: "for a plugin to end by itself before it is killed" },
  "host.killMs": {
    value: 5_000,
    unit: "ms",
    meaning: "for a killed process to be gone before the host says that it is not",
  },
  "host.restarts": { value: 5, unit: "count", meaning: "restarts of a crashing plugin within the window" },
  "host.restartWindowMs": { value: 300_000, unit: "ms", meaning: "window in which restarts are counted" },
  "host.restartDelayMs": {
    value: 1_000,
    unit: "ms",
    meaning: "ceiling of the first delay before a restart; it doubles",
  },
  "host.restartMaxDelayMs": { value: 30_000, unit: "ms", meaning: "longest delay before a restart" },
  "log.drainMs": { value: 500, unit: "ms", meaning: "for the last words of a process that has ended" },
  "log.lines": { value: 500, unit: "count", meaning: "lines kept of what one plugin writes" },
  "log.lineLength": { value: 4_096, unit: "characters", meaning: "one line; a longer one is broken" },
} as const satisfies Record<string, LimitRow>;

export type PluginLimitName = keyof typeof PLUGIN_LIMITS;

/** The value of a limit. */
export function limit(name: PluginLimitName): number {
  return PLUGIN_LIMITS[name].value;
}
