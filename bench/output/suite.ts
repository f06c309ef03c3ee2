import { spawn } from "node:child_process";
import { get } from "node:http";
import { fileURLToPath } from "node:url";

import type { BenchOptions } from "../harness/bench-options.ts";
import { startProcess } from "../harness/processes.ts";
import { figure, ratio, type Report } from "../harness/report.ts";
import { startRunner, startServer, type SignalboxServer } from "../harness/signalbox.ts";
import { tempDir } from "../harness/temp-dir.ts";
import { median } from "../harness/statistics.ts";
import { canConnect, freePort, waitUntil } from "../harness/wait-until.ts";

/** Of each contestant and content; below what is kept of an attempt by default. */
const BYTES = 60_000_000;
const LINE = "2026-11-21T08:00:00.000Z payments worker 3: charged order 8f1c0a in 41 ms, ledger ok, 3 retries left";
const CONTENTS = {
  "lines of text": `yes '${LINE}' | head -c ${BYTES}`,
  "zero bytes": `head -c ${BYTES} /dev/zero`,
} as const;

type Content = keyof typeof CONTENTS;

const PIPE = "bare pipe";
const WS = "ws relay, nothing kept";
const RAW = "Signalbox, raw";
const SSE = "Signalbox, SSE";

/** What a process writes, on its way to a reader. */
export async function output(options: BenchOptions): Promise<Report[]> {
  const rates = new Map<string, number[]>();
  const note = (content: Content, label: string, perSecond: number) => {
    const key = `${content}/${label}`;
    rates.set(key, [...(rates.get(key) ?? []), perSecond]);
  };
  for (let round = 1; round <= options.rounds; round++) {
    await using directory = await tempDir();
    const profileDir = round === 1 ? options.profileDir : undefined;
    await using server = await startServer({ dataDir: directory.file("server"), profileDir });
    await using _runner = await startRunner(server, { dataDir: directory.file("runner"), sandbox: "none", profileDir });
    await throughSignalbox(server, "head -c 1000000 /dev/zero", "raw");
    for (const [name, shell] of Object.entries(CONTENTS)) {
      const content = name as Content;
      options.say(`output, round ${round}: ${content}`);
      note(content, PIPE, await throughPipe(shell));
      note(content, WS, await throughWs(shell));
      note(content, RAW, await throughSignalbox(server, shell, "raw"));
      note(content, SSE, await throughSignalbox(server, shell, "sse"));
    }
  }
  return Object.keys(CONTENTS).map((content) => compare(content as Content, rates, options));
}

function compare(content: Content, rates: ReadonlyMap<string, readonly number[]>, { rounds }: BenchOptions): Report {
  const rate = (label: string) => median(rates.get(`${content}/${label}`) ?? []);
  return {
    title: `Output: ${content}`,
    what: `${BYTES / 1e6} MB from a step's process through runner and server, stored durably, to one reader that follows; from the first byte at the reader to the last. SSE counts the bytes of the output, not those of its spelling. Median of ${rounds}.`,
    columns: ["", "MB/s", "Signalbox raw is", "Signalbox SSE is"],
    rows: [PIPE, WS, RAW, SSE].map((label) => [
      label,
      figure(rate(label)),
      ratio(rate(RAW), rate(label)),
      ratio(rate(SSE), rate(label)),
    ]),
  };
}

async function throughPipe(shell: string): Promise<number> {
  const child = spawn("sh", ["-c", shell], { stdio: ["ignore", "pipe", "ignore"] });
  return await rateOf(child.stdout);
}

async function throughWs(shell: string): Promise<number> {
  const port = await freePort();
  const server = fileURLToPath(new URL("./ws-server.ts", import.meta.url));
  const runner = fileURLToPath(new URL("./ws-runner.ts", import.meta.url));
  await using _server = startProcess(process.execPath, [server, JSON.stringify({ port })]);
  await waitUntil("the relay listens", () => canConnect(port));
  const reading = read(`http://127.0.0.1:${port}/`, {}, BYTES);
  await using _runner = startProcess(process.execPath, [runner, JSON.stringify({ port, shell })]);
  return await reading;
}

async function throughSignalbox(server: SignalboxServer, shell: string, format: "raw" | "sse"): Promise<number> {
  const { id } = await server.call<{ id: string }>("POST", "/runs", { command: shell });
  const rate = await read(
    `${server.url}/api/v1/runs/${id}/output?format=${format}&follow=true`,
    server.headers,
    format === "raw" ? undefined : BYTES,
  );
  const { run } = await server.call<{ run: { status: string } }>("GET", `/runs/${id}`);
  if (run.status !== "succeeded") throw new Error(`run ${id} is ${run.status}`);
  return rate;
}

/** Megabytes per second of an answer; with `bytes`, of so many that it stands for. */
async function read(
  url: string,
  headers: Readonly<Record<string, string>>,
  bytes: number | undefined,
): Promise<number> {
  return await new Promise<number>((resolve, reject) => {
    get(url, { headers }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${url}: ${response.statusCode}`));
      else rateOf(response, bytes).then(resolve, reject);
    }).once("error", reject);
  });
}

async function rateOf(stream: AsyncIterable<Buffer>, bytes?: number): Promise<number> {
  let [first, last, count] = [0, 0, 0];
  for await (const chunk of stream) {
    last = performance.now();
    first ||= last;
    count += chunk.length;
  }
  return (bytes ?? count) / 1e6 / ((last - first) / 1_000);
}
