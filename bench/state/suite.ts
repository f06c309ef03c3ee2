import type { BenchOptions } from "../harness/bench-options.ts";
import { profiling, runScript } from "../harness/processes.ts";
import { aimForRatio, figure, ratio, type Aim, type Report } from "../harness/report.ts";
import { medians } from "../harness/statistics.ts";
import type { ContenderName, Measured, Task, Work } from "./contender.ts";

interface Entry {
  readonly label: string;
  readonly name: ContenderName;
  /** What it is measured at; the others it does the same as another, or cannot. */
  readonly works: readonly Work[];
  /** It is so slow that so many times fewer operations tell enough. */
  readonly slowness?: number;
}

const OURS = "Signalbox";
const YJS = "Yjs 13";
const YJS_ARRAY = "Yjs 13, a list of ones";
const ALL: readonly Work[] = ["counter", "set", "register", "merge"];

const ENTRIES: readonly Entry[] = [
  { label: OURS, name: "signalbox", works: ALL },
  { label: "Signalbox, a delta for 1,000", name: "signalbox-turn", works: ["counter", "set", "register"] },
  { label: YJS, name: "yjs", works: ALL },
  { label: YJS_ARRAY, name: "yjs-array", works: ["counter"], slowness: 20 },
  { label: "Loro 1", name: "loro", works: ALL },
  { label: "Automerge 3", name: "automerge", works: ALL, slowness: 20 },
  { label: "the least program", name: "least", works: ALL },
];

/** Replicated state: operations that are told one by one, what they take, and the merge of two that were apart. */
export async function state(options: BenchOptions): Promise<Report[]> {
  const rounds = new Map<string, Measured[]>();
  // Everybody has a turn in each round, so that the machine's moods meet all alike.
  for (let round = 1; round <= options.rounds; round++) {
    for (const work of ALL) {
      for (const entry of ENTRIES.filter(({ works }) => works.includes(work))) {
        options.say(`state, ${work}, round ${round}: ${entry.label}`);
        const measured = await measure(entry, work, round, options).catch((error: unknown) => {
          options.say(`  failed: ${String(error)}`);
        });
        const key = keyOf(entry.label, work);
        if (measured) rounds.set(key, [...(rounds.get(key) ?? []), measured]);
      }
    }
  }
  const of = (label: string, work: Work) => medians(rounds.get(keyOf(label, work)) ?? []);
  return [...(["counter", "set", "register"] as const).map((work) => oneByOne(work, of, options)), merge(of, options)];
}

async function measure(entry: Entry, work: Work, round: number, options: BenchOptions): Promise<Measured> {
  // A merge is of 100,000 operations each for everybody but those who take minutes to make them.
  const operations = Math.round((options.isQuick ? 30_000 : 100_000) / (entry.slowness ?? 1));
  const measureMs = options.isQuick ? 500 : 2_000;
  const task: Task = { name: entry.name, work, operations, warmOperations: operations, measureMs };
  const isProfiled = round === 1 && entry.name === "signalbox";
  const nodeArgs = isProfiled ? profiling(options.profileDir, `state-${work}`) : [];
  return await runScript<Measured>(new URL("./measure.ts", import.meta.url), task, { nodeArgs, timeoutMs: 180_000 });
}

type Of = (label: string, work: Work) => Measured | undefined;

const WHAT = {
  counter: "Increments by one of one counter",
  set: "Additions of new elements, `task_1`, `task_2` …, to one set",
  register: "Writes of one register with an object of an address and a number",
} as const;

function oneByOne(work: keyof typeof WHAT, of: Of, options: BenchOptions): Report {
  const ours = of(OURS, work);
  const yjs = of(YJS, work);
  const fewestBytes = Math.min(yjs?.updateBytes ?? Infinity, of(YJS_ARRAY, work)?.updateBytes ?? Infinity);
  return {
    title: `Replicated state: ${work}`,
    what: `${WHAT[work]}, each with an update of its own, encoded and handed to a listener before the next begins; operations a second, bytes of an update, and bytes of the encoded state after all of them for each. Median of ${options.rounds}.`,
    columns: ["", "operations/s", "Signalbox is", "bytes of an update", "bytes of the state, each"],
    rows: ENTRIES.filter(({ works }) => works.includes(work)).map(({ label }) => [
      label,
      figure(of(label, work)?.figure),
      label === OURS ? "" : ratio(ours?.figure, of(label, work)?.figure),
      figure(of(label, work)?.updateBytes),
      figure(of(label, work)?.stateBytes),
    ]),
    aims: [
      aimForRatio("at least 8× Yjs", ours?.figure, yjs?.figure, 8),
      aimForBytes("no more bytes than Yjs", ours?.updateBytes, yjs && fewestBytes),
    ],
    notes: [NOTES[work]],
  };
}

const NOTES = {
  counter:
    "Signalbox: `incrementCounter`. Yjs: a Y.Map of what each client has counted, and a Y.Array of ones as its examples count, of which 5,000 are made, since each takes longer than the one before. Loro: its counter. Automerge: its counter, 5,000 increments.",
  set: "Signalbox: `addToSet`. Yjs, Loro and Automerge: a map with the elements as keys. Automerge: 5,000.",
  register:
    "Signalbox: `setRegister`. Yjs, Loro and Automerge: a field of a map, written anew. Automerge: 5,000. The least program sends the JSON and two numbers, and cannot merge.",
} as const;

function merge(of: Of, options: BenchOptions): Report {
  const ours = of(OURS, "merge");
  const operations = options.isQuick ? 30_000 : 100_000;
  const works = ENTRIES.filter(({ works: all }) => all.includes("merge"));
  return {
    title: "Replicated state: merge",
    what: `Two replicas that have added ${figure(operations)} elements each to one set, and know nothing of each other, encode what they have and take over what the other has: milliseconds for both together, and bytes for each element. Median of ${options.rounds}.`,
    columns: ["", "elements each", "ms", "is × Signalbox", "bytes"],
    rows: works.map(({ label, slowness = 1 }) => [
      label,
      figure(operations / slowness),
      figure(of(label, "merge")?.figure),
      label === OURS || slowness > 1 ? "" : ratio(of(label, "merge")?.figure, ours?.figure),
      figure(of(label, "merge")?.stateBytes),
    ]),
    aims: [aimForRatio("at least 2× as fast as Yjs", of(YJS, "merge")?.figure, ours?.figure, 2)],
    notes: ["The least program unites two sets of strings, which takes no removals into account."],
  };
}

function aimForBytes(text: string, ours: number | undefined, theirs: number | undefined): Aim {
  if (ours === undefined || theirs === undefined) return { text, isMet: undefined, came: "not measured" };
  return { text, isMet: ours <= theirs, came: `${figure(ours)} against ${figure(theirs)}` };
}

function keyOf(label: string, work: Work): string {
  return `${work} ${label}`;
}
