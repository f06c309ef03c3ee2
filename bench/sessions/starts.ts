import { startModelStub } from "@signalbox/agents/model-stub";

import type { BenchOptions } from "../harness/bench-options.ts";
import { aimForMost, figure, type Report } from "../harness/report.ts";
import { median, percentile } from "../harness/statistics.ts";
import { tempDir } from "../harness/temp-dir.ts";
import { bareStart } from "./bare-start.ts";
import { FAKE_KEY, measuredAgents, type MeasuredAgent } from "./measured-agents.ts";
import { signalboxStart, startService } from "./signalbox-start.ts";

/** What was measured one after the other, so that what disturbed one disturbed the others. */
interface Sample {
  readonly bare: number;
  readonly none: number;
  readonly auto: number;
}

/** What Signalbox adds to the start of an agent's session, from the order to the first words. */
export async function starts(options: BenchOptions): Promise<Report> {
  const count = options.isQuick ? 3 : 6;
  await using directory = await tempDir();
  await using stub = await startModelStub({ apiKey: FAKE_KEY });
  const { agents, missing } = await measuredAgents(directory, stub);
  const samples = new Map<MeasuredAgent, Sample[]>(agents.map((agent) => [agent, []]));
  for (let round = 1; round <= options.rounds; round++) {
    const { profileDir } = round === 1 ? options : {};
    const common = { directory, agents };
    await using plain = await startService({ ...common, name: `none-${round}`, sandbox: "none", profileDir });
    await using enclosed = await startService({ ...common, name: `auto-${round}`, sandbox: "auto" });
    for (const agent of agents) {
      options.say(`sessions, round ${round}: starts of ${agent.label}`);
      const ways: readonly (readonly [keyof Sample, () => Promise<number>])[] = [
        ["bare", () => bareStart(agent)],
        ["none", () => signalboxStart(plain.server, agent)],
        ["auto", () => signalboxStart(enclosed.server, agent)],
      ];
      for (let number = -WARM; number < count; number++) {
        const sample = await inTurn(ways, number + WARM);
        if (number >= 0) samples.get(agent)?.push(sample);
      }
    }
  }
  return reportOf([...samples], { taken: count * options.rounds, missing });
}

/** One after the other, each time another first: what an agent leaves to be tidied up burdens the next. */
async function inTurn(
  ways: readonly (readonly [keyof Sample, () => Promise<number>])[],
  number: number,
): Promise<Sample> {
  const first = number % ways.length;
  const times = { bare: Number.NaN, none: Number.NaN, auto: Number.NaN };
  for (const [name, measure] of [...ways.slice(first), ...ways.slice(0, first)]) times[name] = await measure();
  return times;
}

const WARM = 1;
const AIM_MS = 150;

function reportOf(
  results: readonly (readonly [MeasuredAgent, readonly Sample[]])[],
  { taken, missing }: { readonly taken: number; readonly missing: readonly string[] },
): Report {
  const kinds = { none: "no sandbox", auto: "sandbox auto" } as const;
  const added = (samples: readonly Sample[], kind: keyof typeof kinds) => samples.map((one) => one[kind] - one.bare);
  const rows = results.flatMap(([{ label }, samples]) => [
    [`${label}, bare`, ...timesOf(samples.map(({ bare }) => bare)), "", ""],
    ...(["none", "auto"] as const).map((kind) => [
      `${label}, Signalbox, ${kinds[kind]}`,
      ...timesOf(samples.map((one) => one[kind])),
      ...timesOf(added(samples, kind)),
    ]),
  ]);
  return {
    title: "Sessions: from the order to the agent's first words",
    what: `Bare: from the start of the agent's process, in a new home with the files, arguments and environment that Signalbox would give it, to the first words of its first answer, spoken to by the least program that can. Signalbox: from the POST of a session to the same words at a client that follows it, server and runner in processes and sessions of their own, as services are. The models are stubs on the loopback address that answer at once. One start at a time, each contestant in turn and each time another first; milliseconds, ${taken} starts of each. What is added is the difference within one turn; its p99 is the largest of so few, and negative where the bare start was the slower one.`,
    columns: ["", "p50", "p99", "added p50", "added p99"],
    rows,
    aims: results.flatMap(([{ label }, samples]) =>
      (["none", "auto"] as const).map((kind) =>
        aimForMost(
          `${label}: p50 of what is added at most ${AIM_MS} ms, ${kinds[kind]}`,
          median(added(samples, kind)),
          AIM_MS,
        ),
      ),
    ),
    notes: [...missing],
  };
}

function timesOf(values: readonly number[]): [string, string] {
  return [figure(percentile(values, 0.5)), figure(percentile(values, 0.99))];
}
