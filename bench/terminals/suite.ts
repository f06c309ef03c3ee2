import { fileURLToPath } from "node:url";

import type { BenchOptions } from "../harness/bench-options.ts";
import { runScript, startProcess } from "../harness/processes.ts";
import { aimForMost, aimForRatio, figure, ratio, type Report } from "../harness/report.ts";
import { startServer } from "../harness/signalbox.ts";
import { median, medians } from "../harness/statistics.ts";
import { tempDir } from "../harness/temp-dir.ts";
import { canConnect, freePort, waitUntil } from "../harness/wait-until.ts";
import type { FanOut, FanOutTask } from "./fan-out-load.ts";
import { keystrokes } from "./keystrokes.ts";
import type { Stalled, StalledTask } from "./stalled-load.ts";
import type { WatcherKind } from "./watcher-kinds.ts";

const LABELS: Readonly<Record<WatcherKind, string>> = {
  signalbox: "Signalbox, every chunk stored",
  ws: "bare ws broadcast",
  "socket.io": "socket.io 4",
};
const PEERS = {
  ws: new URL("./bare-ws.ts", import.meta.url),
  "socket.io": new URL("./socket-io.ts", import.meta.url),
} as const;
/** Chunks for so many watchers: a measurement takes seconds. */
const CHUNKS = { 1: 20_000, 100: 3_000, 1_000: 600 } as const;
const WATCHERS = [1, 100, 1_000] as const;
const WINDOW = 32;

/** Terminals: output to many watchers, keys and their echo, and watchers that do not read. */
export async function terminals(options: BenchOptions): Promise<Report[]> {
  const reports: Report[] = [];
  for (const watchers of WATCHERS) reports.push(await fanOut(watchers, options));
  reports.push(await keystrokes(options), await stalledReaders(options));
  return reports;
}

async function fanOut(watchers: (typeof WATCHERS)[number], options: BenchOptions): Promise<Report> {
  const results: Record<WatcherKind, FanOut[]> = { signalbox: [], ws: [], "socket.io": [] };
  const kinds = ["signalbox", "ws", "socket.io"] as const;
  const chunks = options.isQuick ? CHUNKS[watchers] / 2 : CHUNKS[watchers];
  for (let round = 1; round <= options.rounds; round++) {
    for (const kind of kinds) {
      options.say(`terminals, round ${round}: ${LABELS[kind]}, ${watchers} watchers`);
      const profileDir = round === 1 ? options.profileDir : undefined;
      results[kind].push(await measure(kind, { watchers, chunks, profileDir }));
    }
  }
  const of = (kind: WatcherKind) => medians(results[kind]);
  const [own, bare] = [of("signalbox")?.perSecond, of("ws")?.perSecond];
  return {
    title: `Terminals: 1 KB chunks to ${watchers.toLocaleString("en-US")} ${watchers === 1 ? "watcher" : "watchers"}`,
    what: `${WINDOW} chunks under way at a time, each until the last watcher has it; deliveries a second over all watchers, from a chunk's being pushed to its arrival, and the server process's CPU for each delivery. Signalbox takes the chunks from a runner's output channel, stores them, and sends what one commit holds as one message. All watchers are plain sockets in one process. Median of ${options.rounds}.`,
    columns: ["", "deliveries/s", "p50 ms", "p99 ms", "CPU µs", "kB per watcher", "Signalbox is"],
    rows: kinds.map((kind) => {
      const { perSecond, p50Ms, p99Ms, cpuMicros, kbPerWatcher } = of(kind) ?? {};
      const columns = [perSecond, p50Ms, p99Ms, cpuMicros, kbPerWatcher].map(figure);
      return [LABELS[kind], ...columns, kind === "signalbox" ? "" : ratio(own, perSecond)];
    }),
    ...(watchers === 1_000 ? { aims: [aimForRatio("at least 0.9 of the bare broadcast", own, bare, 0.9)] } : {}),
  };
}

async function measure(
  kind: WatcherKind,
  how: { readonly watchers: number; readonly chunks: number; readonly profileDir: string | undefined },
): Promise<FanOut> {
  const { watchers, chunks, profileDir } = how;
  const load = (port: number, serverPid: number, token: string) => {
    const task: FanOutTask = { kind, port, serverPid, token, watchers, chunks, window: WINDOW, warm: chunks / 10 };
    return runScript<FanOut>(new URL("./fan-out-load.ts", import.meta.url), task, { timeoutMs: 180_000 });
  };
  if (kind === "signalbox") {
    await using directory = await tempDir();
    await using server = await startServer({ dataDir: directory.file("server"), profileDir });
    return await load(server.port, server.pid, tokenOf(server.headers));
  }
  const port = await freePort();
  await using server = startProcess(process.execPath, [fileURLToPath(PEERS[kind]), JSON.stringify({ port })]);
  await waitUntil("the server listens", () => canConnect(port));
  return await load(port, server.pid, "");
}

const STALLED = 400;
const FLOOD = 50_000_000;

async function stalledReaders(options: BenchOptions): Promise<Report> {
  const seconds = options.isQuick ? 4 : 8;
  const results: Record<"without" | "with", Stalled[]> = { without: [], with: [] };
  for (let round = 1; round <= options.rounds; round++) {
    for (const which of ["without", "with"] as const) {
      options.say(`terminals, round ${round}: flood, ${which} stalled readers`);
      await using directory = await tempDir();
      // What is kept of an attempt is more than usual, so that all of it is output and not a gap.
      const environment = { SIGNALBOX_LIMITS: JSON.stringify({ "step.outputBytes": 4_000_000_000 }) };
      await using server = await startServer({ dataDir: directory.file("server"), environment });
      const task: StalledTask = {
        port: server.port,
        serverPid: server.pid,
        token: tokenOf(server.headers),
        stalled: which === "with" ? STALLED : 0,
        bytesPerSecond: FLOOD,
        seconds,
      };
      const script = new URL("./stalled-load.ts", import.meta.url);
      results[which].push(await runScript<Stalled>(script, task, { timeoutMs: 120_000 }));
    }
  }
  const of = (which: "without" | "with", key: keyof Stalled) => median(results[which].map((result) => result[key]));
  const row = (label: string, which: "without" | "with") => [
    label,
    figure(of(which, "peakMb")),
    figure(of(which, "mbPerSecond")),
    `${Math.round(of(which, "shownShare") * 100)} %`,
  ];
  return {
    title: `Terminals: ${STALLED} watchers that do not read`,
    what: `A runner pushes 50 MB a second into one terminal for ${seconds} s, as far as the server acknowledges it; one watcher reads, the others subscribe and then never do. Before that 12 MB fill what the system keeps for those that do not. The most that the server process holds, stored output left out. Median of ${options.rounds}.`,
    columns: ["", "peak MB", "MB/s taken in", "shown to the one that reads"],
    rows: [row("one watcher that reads", "without"), row(`and ${STALLED} that do not`, "with")],
    aims: [
      aimForMost(
        "at most 100 MB more than without them",
        Math.max(0, of("with", "peakMb") - of("without", "peakMb")),
        100,
        "MB more",
      ),
    ],
  };
}

function tokenOf(headers: Readonly<Record<string, string>>): string {
  return (headers["authorization"] ?? "").replace("Bearer ", "");
}
