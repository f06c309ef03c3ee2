import type { BenchOptions } from "../harness/bench-options.ts";
import { startPostgres } from "../harness/postgres.ts";
import { profiling, runScript } from "../harness/processes.ts";
import { startRedis } from "../harness/redis.ts";
import { aimForRatio, figure, ratio, type Aim, type Report } from "../harness/report.ts";
import { tempDir } from "../harness/temp-dir.ts";
import { medians } from "../harness/statistics.ts";
import type { ContenderName, Measured, Task } from "./contender.ts";

interface Entry {
  readonly label: string;
  readonly name: ContenderName;
  readonly service?: string;
  readonly isOrientation?: boolean;
}

const OURS = "Signalbox";
const BARE = "bare better-sqlite3, FULL, grouped, own thread";
const BULLMQ = "BullMQ 6, Redis appendfsync always";
const DBOS = "DBOS 5, PostgreSQL";

/** Runs that are ordered, leased, started and finished, each recorded durably, per second. */
export async function durableRuns(options: BenchOptions): Promise<Report[]> {
  await using services = new AsyncDisposableStack();
  const { entries, notes } = await chooseEntries(services);
  const reports: Report[] = [];
  for (const inFlight of options.isQuick ? [256] : [256, 1_000]) {
    reports.push(await compare(entries, notes, inFlight, options));
  }
  return reports;
}

async function chooseEntries(services: AsyncDisposableStack): Promise<{ entries: Entry[]; notes: string[] }> {
  const entries: Entry[] = [
    { label: OURS, name: "signalbox" },
    { label: BARE, name: "bare" },
    { label: "the store's units alone", name: "units", isOrientation: true },
  ];
  const notes: string[] = [];
  const [always, everysec] = [await startRedis("always"), await startRedis("everysec")];
  if (always && everysec) {
    services.use(always);
    services.use(everysec);
    entries.push({ label: BULLMQ, name: "bullmq", service: String(always.port) });
    entries.push({ label: "BullMQ 6, Redis appendfsync everysec", name: "bullmq", service: String(everysec.port) });
  } else notes.push("BullMQ was not measured: there is no redis-server here.");
  const postgres = await startPostgres();
  if (postgres) {
    services.use(postgres);
    entries.push({ label: "graphile-worker 0.18, PostgreSQL", name: "graphile", service: postgres.url });
    entries.push({ label: DBOS, name: "dbos", service: postgres.url });
    notes.push(
      `${postgres.version}, as it is out of the box. BullMQ and graphile-worker record a job only, DBOS a workflow and its step; Signalbox and the bare program a run, its step, an attempt and their events, in four commits.`,
    );
  } else notes.push("graphile-worker and DBOS were not measured: there is no postgres here.");
  return { entries, notes };
}

async function compare(
  entries: readonly Entry[],
  notes: readonly string[],
  inFlight: number,
  options: BenchOptions,
): Promise<Report> {
  const rounds = new Map<Entry, Measured[]>(entries.map((entry) => [entry, []]));
  // Everybody has a turn in each round, so that the machine's moods meet all alike.
  for (let round = 1; round <= options.rounds; round++) {
    for (const entry of entries) {
      options.say(`durable runs, ${inFlight} in flight, round ${round}: ${entry.label}`);
      const measured = await measure(entry, inFlight, round, options).catch((error: unknown) => {
        options.say(`  failed: ${String(error)}`);
      });
      if (measured) rounds.get(entry)?.push(measured);
    }
  }
  const result = new Map(entries.map((entry) => [entry.label, medians(rounds.get(entry) ?? [])]));
  const perSecond = (label: string) => result.get(label)?.perSecond;
  const ours = perSecond(OURS);
  const aims: Aim[] = [
    aimForRatio(`at least 0.5 of the bare program`, ours, perSecond(BARE), 0.5),
    aimForRatio(`at least 2× BullMQ with appendfsync always`, ours, perSecond(BULLMQ), 2),
    aimForRatio(`at least 12× DBOS`, ours, perSecond(DBOS), 12),
  ];
  return {
    title: `Durable runs, ${inFlight} in flight`,
    what: `From the order to the recorded end of a step that does nothing, in process, per second; median of ${options.rounds}.`,
    columns: ["", "runs/s", "CPU µs/run (client)", "Signalbox is"],
    rows: entries.map(({ label }) => {
      const measured = result.get(label);
      return [
        label,
        figure(measured?.perSecond),
        figure(measured?.cpuUs),
        label === OURS ? "" : ratio(ours, measured?.perSecond),
      ];
    }),
    aims,
    notes,
  };
}

async function measure(entry: Entry, inFlight: number, round: number, options: BenchOptions): Promise<Measured> {
  await using directory = await tempDir();
  const task: Task = {
    name: entry.name,
    inFlight,
    warmMs: options.isQuick ? 700 : 1_500,
    measureMs: options.isQuick ? 1_500 : 3_000,
    directory: directory.file("data"),
    ...(entry.service === undefined ? {} : { service: entry.service }),
  };
  const isProfiled = round === 1 && (entry.name === "signalbox" || entry.name === "bare");
  const nodeArgs = isProfiled ? profiling(options.profileDir, `runs-${entry.name}-${inFlight}`) : [];
  return await runScript<Measured>(new URL("./measure.ts", import.meta.url), task, { nodeArgs });
}
