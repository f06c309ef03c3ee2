/** The value below which a share of the values lie; NaN of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** The median of each figure, over rounds that all have the same figures; undefined of none. */
export function medians<Key extends string>(
  rounds: readonly Readonly<Record<Key, number>>[],
): Record<Key, number> | undefined {
  const [first] = rounds;
  if (!first) return undefined;
  const keys = Object.keys(first) as Key[];
  // The keys are those of the first round, so the record has them all.
  return Object.fromEntries(keys.map((key) => [key, median(rounds.map((round) => round[key]))])) as Record<Key, number>;
}
