import { createConnection, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import type { BenchOptions } from "../harness/bench-options.ts";
import { runScript, startProcess } from "../harness/processes.ts";
import { aimForMost, figure, type Report } from "../harness/report.ts";
import { startRunner, startServer, type SignalboxServer } from "../harness/signalbox.ts";
import { tempDir } from "../harness/temp-dir.ts";
import { median, medians } from "../harness/statistics.ts";
import { connectFakeRunner } from "./fake-runner.ts";
import { residentMb } from "./memory.ts";

const RUNNERS = 100;
const STREAMS = 500;
/** A token may have 32 streams open. */
const STREAMS_PER_TOKEN = 25;
const SETTLE_MS = 1_500;

/** How fast it is there, and what it holds. */
export async function footprint(options: BenchOptions): Promise<Report[]> {
  return [await coldStart(options), await memory(options)];
}

async function coldStart(options: BenchOptions): Promise<Report> {
  const events = options.isQuick ? 100_000 : 1_000_000;
  await using directory = await tempDir();
  const full = directory.file("full");
  options.say(`cold start: making ${events} events`);
  const filled = await runScript<{ runs: number; events: number; bytes: number }>(
    new URL("./fill.ts", import.meta.url),
    { directory: full, events },
    { timeoutMs: 300_000 },
  );
  const [empty, stored, node]: [number[], number[], number[]] = [[], [], []];
  for (let round = 1; round <= options.rounds; round++) {
    options.say(`cold start, round ${round}`);
    node.push(await nodeAlone());
    empty.push(await startOnce(directory.file(`empty-${round}`)));
    stored.push(await startOnce(full));
  }
  return {
    title: "Cold start",
    what: `From the start of the server's process to the first 200 of /health, run from source; median of ${options.rounds}. The full store holds ${figure(filled.events)} events of ${figure(filled.runs)} finished runs in ${figure(filled.bytes / 1e6)} MB, which the machine has in its page cache.`,
    columns: ["", "ms"],
    rows: [
      ["node -e 0, begun and ended", figure(median(node))],
      ["server, empty store", figure(median(empty))],
      ["server, full store", figure(median(stored))],
    ],
    aims: [aimForMost(`at most 1 s with ${figure(events)} events stored`, median(stored), 1_000)],
  };
}

async function startOnce(dataDir: string): Promise<number> {
  await using server = await startServer({ dataDir });
  return server.startMs;
}

async function nodeAlone(): Promise<number> {
  const from = performance.now();
  await startProcess(process.execPath, ["-e", "0"]).ended;
  return performance.now() - from;
}

interface Held {
  readonly server: number;
  readonly runner: number;
  readonly perRunner: number;
  readonly perStream: number;
}

async function memory(options: BenchOptions): Promise<Report> {
  const rounds: Held[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    options.say(`memory, round ${round}`);
    rounds.push(await holdOnce());
  }
  const held = medians(rounds);
  const spread = (key: keyof Held) =>
    `${figure(Math.min(...rounds.map((one) => one[key])))}–${figure(Math.max(...rounds.map((one) => one[key])))}`;
  return {
    title: "Memory",
    what: `Resident memory (VmRSS) after ${SETTLE_MS / 1_000} s of rest; of the server after some requests of every kind that follows; the runner with its guard process. Per connection: what ${RUNNERS} connected runners (both channels, over the real protocol) and ${STREAMS} open event streams add, divided. Median of ${options.rounds}.`,
    columns: ["", "median", "from–to"],
    rows: [
      ["server at rest, MB", figure(held?.server), spread("server")],
      ["runner at rest, MB", figure(held?.runner), spread("runner")],
      ["per connected runner, kB", figure(held?.perRunner), spread("perRunner")],
      ["per open event stream, kB", figure(held?.perStream), spread("perStream")],
    ],
  };
}

async function holdOnce(): Promise<Held> {
  await using directory = await tempDir();
  await using server = await startServer({ dataDir: directory.file("server") });
  const runner = await runnerAtRest(server, directory.file("runner"));
  // No machine of this fleet has the label, so the run waits and its streams stay open.
  const { id } = await server.call<{ id: string }>("POST", "/runs", {
    command: "true",
    requires: { labels: { nowhere: "yes" } },
  });
  const tokens = await makeTokens(server);
  for (let warm = 0; warm < 300; warm++) await server.call("GET", `/runs/${id}`);
  const warmRunners = await Promise.all([1_000, 1_001, 1_002].map((number) => connectFakeRunner(server, number)));
  const warmStreams = await openStreams(server, id, tokens, 25);
  const atRest = await settled(server.pid);

  const disconnect: (() => void)[] = [];
  for (let number = 0; number < RUNNERS; number++) disconnect.push(await connectFakeRunner(server, number));
  const withRunners = await settled(server.pid);
  for (const leave of [...disconnect, ...warmRunners]) leave();
  const beforeStreams = await settled(server.pid);
  const streams = await openStreams(server, id, tokens, STREAMS);
  const withStreams = await settled(server.pid);
  for (const stream of [...warmStreams, ...streams]) stream.destroy();

  return {
    server: atRest,
    runner,
    perRunner: ((withRunners - atRest) * 1_000) / RUNNERS,
    perStream: ((withStreams - beforeStreams) * 1_000) / STREAMS,
  };
}

async function runnerAtRest(server: SignalboxServer, dataDir: string): Promise<number> {
  await using runner = await startRunner(server, { dataDir, sandbox: "none" });
  return await settled(runner.pid);
}

async function settled(pid: number): Promise<number> {
  await sleep(SETTLE_MS);
  return await residentMb(pid);
}

async function makeTokens(server: SignalboxServer): Promise<string[]> {
  const tokens: string[] = [];
  for (let number = 0; number <= STREAMS / STREAMS_PER_TOKEN; number++) {
    const { token } = await server.call<{ token: string }>("POST", "/tokens", {
      name: `bench ${number}`,
      scopes: ["runs:read"],
    });
    tokens.push(token);
  }
  return tokens;
}

async function openStreams(
  server: SignalboxServer,
  runId: string,
  tokens: readonly string[],
  count: number,
): Promise<Socket[]> {
  const offset = count < STREAMS ? STREAMS : 0;
  return await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const token = tokens[Math.floor((index + offset) / STREAMS_PER_TOKEN)] ?? "";
      const socket = createConnection({ host: "127.0.0.1", port: server.port });
      socket.write(
        `GET /api/v1/runs/${runId}/stream HTTP/1.1\r\nhost: 127.0.0.1:${server.port}\r\nauthorization: Bearer ${token}\r\n\r\n`,
      );
      const first = await new Promise<string>((resolve, reject) => {
        socket.once("data", (data) => resolve(data.toString()));
        socket.once("error", reject);
        socket.once("close", () => reject(new Error("the server closed the stream")));
      });
      if (!first.startsWith("HTTP/1.1 200")) throw new Error(`no stream: ${first.slice(0, 200)}`);
      socket.on("data", () => undefined);
      return socket;
    }),
  );
}
