import type { BenchOptions } from "../harness/bench-options.ts";
import { profiling, runScript } from "../harness/processes.ts";
import { median } from "../harness/statistics.ts";
import type { ContenderName, Measured, Task } from "./contender.ts";

/** One row of a table. */
export interface Entry {
  readonly label: string;
  readonly name: ContenderName;
  readonly service?: string;
}

/** One column of a table. */
export type Variant = Pick<Task, "work" | "subscriptions" | "inFlight">;

/** The medians of a table: operations per second of an entry in each column; undefined where it failed. */
export type Medians = ReadonlyMap<Entry, readonly (number | undefined)[]>;

/** Everybody has a turn in each round, in a process of its own, so that the machine's moods meet all alike. */
export async function takeTurns(
  entries: readonly Entry[],
  variants: readonly Variant[],
  options: BenchOptions,
): Promise<Medians> {
  const figures = new Map(entries.map((entry) => [entry, variants.map((): number[] => [])]));
  for (let round = 1; round <= options.rounds; round++) {
    for (const [column, variant] of variants.entries()) {
      for (const entry of entries) {
        options.say(`bus, ${nameOf(variant)}, round ${round}: ${entry.label}`);
        const measured = await measure(entry, variant, round, options).catch((error: unknown) => {
          options.say(`  failed: ${String(error)}`);
        });
        if (measured) figures.get(entry)?.[column]?.push(measured.perSecond);
      }
    }
  }
  return new Map(
    entries.map((entry) => [
      entry,
      (figures.get(entry) ?? []).map((values) => (values.length > 0 ? median(values) : undefined)),
    ]),
  );
}

async function measure(entry: Entry, variant: Variant, round: number, options: BenchOptions): Promise<Measured> {
  const task: Task = {
    ...variant,
    name: entry.name,
    warmMs: options.isQuick ? 300 : 1_000,
    measureMs: options.isQuick ? 700 : 2_000,
    ...(entry.service === undefined ? {} : { service: entry.service }),
  };
  const isProfiled = round === 1 && entry.name === "signalbox";
  const nodeArgs = isProfiled ? profiling(options.profileDir, `bus-${nameOf(variant).replaceAll(" ", "-")}`) : [];
  return await runScript<Measured>(new URL("./measure.ts", import.meta.url), task, { nodeArgs });
}

function nameOf({ work, subscriptions, inFlight }: Variant): string {
  return work === "call" ? `call, ${inFlight} in flight` : `${work}, ${subscriptions} subscriptions`;
}
