interface LimitRow {
  readonly value: number;
  readonly unit: "bytes" | "ms" | "characters";
  readonly meaning: string;
}

/** Every limit and duration of an install, one row each. */
export const INSTALL_LIMITS = {
  "version.length": { value: 64, unit: "characters", meaning: "a version; it names a folder" },
  "lockfile.bytes": { value: 4_194_304, unit: "bytes", meaning: "a lockfile that is handed in" },
  "npm.timeoutMs": { value: 900_000, unit: "ms", meaning: "for one call of npm" },
  "check.timeoutMs": { value: 60_000, unit: "ms", meaning: "for an agent to tell its version" },
  "output.bytes": { value: 1_048_576, unit: "bytes", meaning: "what is kept of a program's output: its end" },
  "kill.graceMs": { value: 2_000, unit: "ms", meaning: "between the polite signal and the kill" },
  "lock.touchMs": { value: 1_000, unit: "ms", meaning: "how often who installs touches its lock" },
  "lock.staleMs": { value: 15_000, unit: "ms", meaning: "a lock left untouched for so long has no holder" },
  "lock.pollMs": { value: 100, unit: "ms", meaning: "how often a lock that somebody holds is looked at" },
} as const satisfies Record<string, LimitRow>;
