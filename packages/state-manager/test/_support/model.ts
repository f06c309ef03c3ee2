/** An operation as the model remembers it: what it did, and which operations its replica had seen. */
export interface ModelOperation {
  readonly name: string;
  readonly writerId: string;
  readonly seq: number;
  /** What competes with what: a register, an element of a set. Counters' operations do not. */
  readonly cell: string;
  readonly kind: "set" | "delete" | "add" | "remove" | "count";
  readonly key: string;
  readonly value: unknown;
  readonly stamp: number;
  readonly seen: ReadonlySet<string>;
}

/** What a reader sees. */
export interface View {
  readonly registers: Record<string, unknown>;
  readonly counters: Record<string, number>;
  readonly sets: Record<string, string[]>;
}

/**
 * The rules of the state, from a whole history and nothing else: a write or an added element is there unless some operation on
 * the same cell had seen it; of several writes the one of the latest stamp, then of the greater writer, shows; a counter is a sum.
 */
export function viewOf(history: readonly ModelOperation[]): View {
  const view: View = { registers: {}, counters: {}, sets: {} };
  const there = history.filter(
    (one) =>
      (one.kind === "set" || one.kind === "add") &&
      !history.some((other) => other.cell === one.cell && other.seen.has(one.name)),
  );
  for (const { key, value } of there.filter(({ kind }) => kind === "set").sort(byStamp)) view.registers[key] = value;
  for (const { key, value } of there.filter(({ kind }) => kind === "add")) {
    view.sets[key] = [...new Set([...(view.sets[key] ?? []), canonical(value)])].sort();
  }
  for (const { key, value } of history.filter(({ kind }) => kind === "count")) {
    view.counters[key] = (view.counters[key] ?? 0) + (value as number);
  }
  return view;
}

function byStamp(a: ModelOperation, b: ModelOperation): number {
  return a.stamp - b.stamp || (a.writerId < b.writerId ? -1 : 1);
}

/** JSON with the fields of objects in order, so that equal values have one text. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
