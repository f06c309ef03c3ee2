import type { BenchOptions } from "../harness/bench-options.ts";
import { runScript } from "../harness/processes.ts";
import { aimForMost, figure, ratio, type Aim, type Report } from "../harness/report.ts";
import { median } from "../harness/statistics.ts";
import type { ContenderName, Measured, Task, Work } from "./contender.ts";

interface Entry {
  readonly label: string;
  readonly name: ContenderName;
  /** What it cannot be measured at. */
  readonly without?: readonly Work[];
}

const OURS = "Signalbox";
const COCKATIEL = "cockatiel 4, failures in a row";
const LEAST = "the least breaker";

const ENTRIES: readonly Entry[] = [
  { label: OURS, name: "signalbox" },
  { label: "Signalbox, share of failures", name: "signalbox-rate" },
  { label: COCKATIEL, name: "cockatiel" },
  { label: "cockatiel 4, share of failures", name: "cockatiel-sampling" },
  { label: "opossum 10, no timeout", name: "opossum" },
  { label: LEAST, name: "least" },
  { label: "no breaker", name: "bare", without: ["open", "bytes", "idle"] },
];
const WORKS: readonly Work[] = ["closed", "open", "bytes", "idle"];

/** What a circuit breaker costs where nothing is wrong, where it refuses, and where nobody calls. */
export async function breaker(options: BenchOptions): Promise<Report[]> {
  const rounds = new Map<string, Measured[]>();
  // Everybody has a turn in each round, so that the machine's moods meet all alike.
  for (let round = 1; round <= options.rounds; round++) {
    for (const work of WORKS) {
      for (const entry of ENTRIES) {
        if (entry.without?.includes(work)) continue;
        options.say(`breaker, ${work}, round ${round}: ${entry.label}`);
        const measured = await measure(entry, work, options).catch((error: unknown) => {
          options.say(`  failed: ${String(error)}`);
        });
        const key = keyOf(entry.label, work);
        if (measured) rounds.set(key, [...(rounds.get(key) ?? []), measured]);
      }
    }
  }
  return [toReport(rounds, options)];
}

async function measure({ name }: Entry, work: Work, options: BenchOptions): Promise<Measured> {
  const idleMs = options.isQuick ? 2_000 : 5_000;
  const task: Task = {
    name,
    work,
    warmMs: options.isQuick ? 300 : 1_000,
    measureMs: work === "idle" ? idleMs : options.isQuick ? 500 : 1_500,
  };
  return await runScript<Measured>(new URL("./measure.ts", import.meta.url), task);
}

function toReport(rounds: ReadonlyMap<string, readonly Measured[]>, options: BenchOptions): Report {
  const all = (label: string, work: Work) => rounds.get(keyOf(label, work)) ?? [];
  const of = (label: string, work: Work) => toMedian(all(label, work).map((measured) => measured.figure));
  const used = (label: string) => toMedian(all(label, "bytes").flatMap((measured) => measured.used ?? []));
  const aims: Aim[] = [
    aimForMost("at most 90 ns per closed call", of(OURS, "closed"), 90, "ns"),
    aimForMost("at most 500 bytes each", of(OURS, "bytes"), 500, "bytes"),
    aimForMost("no idle CPU: 5,000 breakers use at most 0.1 % of a core", of(OURS, "idle"), 0.1, "%"),
    aimToBeat("a closed call is cheaper than with cockatiel", of(COCKATIEL, "closed"), of(OURS, "closed")),
    aimToBeat("an open call is cheaper than with the least breaker", of(LEAST, "open"), of(OURS, "open")),
  ];
  return {
    title: "Circuit breaker",
    what: `Nanoseconds for a call that is awaited before the next is made: of an async function that succeeds at once (closed), and of one that is refused with an error (open). Bytes of heap for each of 10,000 breakers, new and after one success and four failures. Processor time of 5,000 breakers that nobody calls, in per cent of a core. Median of ${options.rounds}.`,
    columns: ["", "closed ns", "is × Signalbox", "open ns", "is × Signalbox", "bytes", "bytes, used", "idle CPU %"],
    rows: ENTRIES.map(({ label }) => [
      label,
      figure(of(label, "closed")),
      label === OURS ? "" : ratio(of(label, "closed"), of(OURS, "closed")),
      figure(of(label, "open")),
      label === OURS ? "" : ratio(of(label, "open"), of(OURS, "open")),
      figure(of(label, "bytes")),
      figure(used(label)),
      figure(of(label, "idle")),
    ]),
    aims,
    notes: [
      "The least breaker is a count, a moment and an async function, and throws an error without a stack; Signalbox keeps a sliding window, probes, statistics and announcements besides. Windows are five minutes long, but for opossum's, which is ten seconds as it is out of the box; its timeout is off, as no other contender has one.",
    ],
  };
}

function aimToBeat(text: string, theirs: number | undefined, ours: number | undefined): Aim {
  if (ours === undefined || theirs === undefined) return { text, isMet: undefined, came: "not measured" };
  return { text, isMet: ours < theirs, came: `${figure(ours)} against ${figure(theirs)}` };
}

function toMedian(figures: readonly number[]): number | undefined {
  return figures.length === 0 ? undefined : median(figures);
}

function keyOf(label: string, work: Work): string {
  return `${work} ${label}`;
}
