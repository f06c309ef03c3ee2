import type { BenchOptions } from "../harness/bench-options.ts";
import { profiling, runScript } from "../harness/processes.ts";
import { startRedis } from "../harness/redis.ts";
import { aimForMost, figure, type Report } from "../harness/report.ts";
import { tempDir } from "../harness/temp-dir.ts";
import { medians, percentile } from "../harness/statistics.ts";
import type { Latency, LatencyTask } from "./lease.ts";
import { bareStarts, signalboxStarts } from "./process-start.ts";

/** How long work waits where nothing is in its way. */
export async function latency(options: BenchOptions): Promise<Report[]> {
  return [await leases(options), await starts(options)];
}

async function leases(options: BenchOptions): Promise<Report> {
  await using services = new AsyncDisposableStack();
  const lease = new URL("./lease.ts", import.meta.url);
  const bullmq = new URL("./bullmq.ts", import.meta.url);
  const entries: { label: string; script: URL; inFlight: number; service?: string }[] = [
    { label: "Signalbox, 1 in flight", script: lease, inFlight: 1 },
    { label: "Signalbox, 64 in flight", script: lease, inFlight: 64 },
  ];
  const notes: string[] = [];
  for (const fsync of ["always", "everysec"] as const) {
    const redis = await startRedis(fsync);
    if (!redis) notes.push(`BullMQ (appendfsync ${fsync}) was not measured: there is no redis-server here.`);
    else
      entries.push({
        label: `BullMQ 6, ${fsync}, 1 in flight`,
        script: bullmq,
        inFlight: 1,
        service: String(services.use(redis).port),
      });
  }
  const rounds = new Map<string, Latency[]>(entries.map(({ label }) => [label, []]));
  for (let round = 1; round <= options.rounds; round++) {
    for (const { label, script, ...rest } of entries) {
      options.say(`lease latency, round ${round}: ${label}`);
      await using directory = await tempDir();
      const task: LatencyTask = {
        ...rest,
        directory: directory.file("data"),
        samples: options.isQuick ? 1_000 : 3_000,
      };
      const nodeArgs = round === 1 && script === lease ? profiling(options.profileDir, `lease-${rest.inFlight}`) : [];
      rounds.get(label)?.push(await runScript<Latency>(script, task, { nodeArgs }));
    }
  }
  const results = new Map([...rounds].map(([label, all]) => [label, medians(all)]));
  return {
    title: "Lease latency, in process",
    what: `Ready → grant: from the step's becoming ready to its lease's commit and the grant to start. Order → grant: from the call of createRun, so two commits; for BullMQ from the call of add to the handler. Milliseconds, median of ${options.rounds}.`,
    columns: ["", "ready → grant p50", "p99", "order → grant p50", "p99"],
    rows: [...results].map(([label, one]) => [
      label,
      figure(one?.leaseP50),
      figure(one?.leaseP99),
      figure(one?.orderP50),
      figure(one?.orderP99),
    ]),
    aims: [
      aimForMost(
        "ready → grant p50 at most 0.5 ms with 1 in flight",
        results.get("Signalbox, 1 in flight")?.leaseP50,
        0.5,
      ),
    ],
    notes,
  };
}

async function starts(options: BenchOptions): Promise<Report> {
  const samples = options.isQuick ? 60 : 200;
  const entries = {
    "bare spawn": () => bareStarts(samples),
    "Signalbox, no sandbox": () => signalboxStarts(samples, "none", options),
    "Signalbox, sandbox auto": () => signalboxStarts(samples, "auto", options),
  };
  const rounds = new Map<string, { p50: number; p99: number }[]>(Object.keys(entries).map((label) => [label, []]));
  for (let round = 1; round <= options.rounds; round++) {
    for (const [label, measure] of Object.entries(entries)) {
      options.say(`process start, round ${round}: ${label}`);
      const waits = await measure();
      rounds.get(label)?.push({ p50: percentile(waits, 0.5), p99: percentile(waits, 0.99) });
    }
  }
  const results = new Map([...rounds].map(([label, all]) => [label, medians(all)]));
  const ours = results.get("Signalbox, no sandbox");
  return {
    title: "From POST to the step's process",
    what: `From the POST of a run to the first act of its step's process (\`date\` tells the time, which it does about a millisecond after it was spawned), with server and runner in processes of their own and one run at a time. Milliseconds, median of ${options.rounds} rounds of ${samples}.`,
    columns: ["", "p50", "p99"],
    rows: [...results].map(([label, one]) => [label, figure(one?.p50), figure(one?.p99)]),
    aims: [
      aimForMost("p50 at most 10 ms, no sandbox", ours?.p50, 10),
      aimForMost("p99 at most 50 ms, no sandbox", ours?.p99, 50),
      aimForMost("p50 at most 10 ms, sandbox auto", results.get("Signalbox, sandbox auto")?.p50, 10),
      aimForMost("p99 at most 50 ms, sandbox auto", results.get("Signalbox, sandbox auto")?.p99, 50),
    ],
  };
}
