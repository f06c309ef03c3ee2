interface LimitRow {
  readonly value: number;
  readonly unit: "bytes" | "ms" | "count" | "characters" | "days";
  readonly meaning: string;
}

/** Every limit and default duration of this package, one row each. They are the same for all replicas, so that all take the same. */
export const STATE_LIMITS = {
  "key.bytes": { value: 256, unit: "bytes", meaning: "a key in UTF-8" },
  "value.bytes": { value: 131_072, unit: "bytes", meaning: "a register, an element of a set or an export, as JSON" },
  "value.depth": { value: 64, unit: "count", meaning: "nesting of a value" },
  "state.entries": {
    value: 1_000_000,
    unit: "count",
    meaning: "registers, elements and counter parts; then writes fail",
  },
  "replicaId.length": { value: 64, unit: "characters", meaning: "the name that a replica's id begins with" },
  "readers.count": { value: 1_000, unit: "count", meaning: "plugins that an export names as its readers" },
  "clock.aheadMs": { value: 60_000, unit: "ms", meaning: "how far ahead of ours another's clock is followed" },
  "delta.bytes": {
    value: 147_456,
    unit: "bytes",
    meaning: "where a delta or page is cut; below a bus payload as base64",
  },
  "delta.earlyRemovals": { value: 1_000_000, unit: "count", meaning: "removals known before what they remove" },
  "recent.bytes": {
    value: 4_194_304,
    unit: "bytes",
    meaning: "latest deltas kept to answer replicas that missed some",
  },
  "commit.everyMs": { value: 10, unit: "ms", meaning: "least time between two commits, unless `flushed` asks" },
  "hello.everyMs": { value: 30_000, unit: "ms", meaning: "how often replicas compare what they have" },
  "hello.afterMs": { value: 1_000, unit: "ms", meaning: "a comparison so long after the last change was sent" },
  "join.waitMs": { value: 250, unit: "ms", meaning: "how long a new replica waits for others to answer" },
  "peer.silentMs": { value: 100_000, unit: "ms", meaning: "a replica not heard for so long is not written to" },
  "pull.timeoutMs": { value: 2_000, unit: "ms", meaning: "wait for a page before it is asked for again" },
  "pull.tries": { value: 4, unit: "count", meaning: "tries for one page" },
  "pull.bytes": { value: 268_435_456, unit: "bytes", meaning: "pages of one transfer" },
  "pull.answers": { value: 8, unit: "count", meaning: "transfers that a replica answers at a time" },
  "writer.keptDays": { value: 90, unit: "days", meaning: "how long a replica that left nothing behind is remembered" },
  "import.timeoutMs": { value: 30_000, unit: "ms", meaning: "default wait of `importState`" },
  "file.busyMs": { value: 1_000, unit: "ms", meaning: "wait for a lock that another program holds on the file" },
} as const satisfies Record<string, LimitRow>;

/** The value of a limit. */
export function limit(name: keyof typeof STATE_LIMITS): number {
  return STATE_LIMITS[name].value;
}
