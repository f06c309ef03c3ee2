import { fileURLToPath } from "node:url";

import { GOAL } from "../durable-runs/contender.ts";
import type { BenchOptions } from "../harness/bench-options.ts";
import { runScript, startProcess } from "../harness/processes.ts";
import { aimForRatio, figure, ratio, type Report } from "../harness/report.ts";
import { startServer } from "../harness/signalbox.ts";
import { tempDir } from "../harness/temp-dir.ts";
import { medians } from "../harness/statistics.ts";
import { canConnect, freePort, waitUntil } from "../harness/wait-until.ts";
import type { BareServerTask } from "./bare-server.ts";
import type { Load, LoadTask } from "./load-task.ts";

const CONNECTIONS = 64;
const BODY = JSON.stringify({ command: "true", name: GOAL });

/** A server that takes runs and tells of them. */
interface Target extends AsyncDisposable {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

type Opened = { readonly post: Load; readonly get: Load };

const OURS = "Signalbox server";
const ROW = "bare Hono + one durable row (FULL, grouped)";
const BARE = "bare Hono, nothing kept";

const targets: Readonly<Record<string, (directory: string, options: BenchOptions) => Promise<Target>>> = {
  [OURS]: async (directory, { profileDir }) => {
    const server = await startServer({ dataDir: directory, profileDir });
    return {
      port: server.port,
      path: "/api/v1/runs",
      headers: server.headers,
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
  [ROW]: (directory) => bare(`${directory}.db`),
  [BARE]: () => bare(undefined),
};

/** Requests per second of the server app, in a process of its own, asked by another. */
export async function http(options: BenchOptions): Promise<Report[]> {
  const rounds = new Map<string, Opened[]>(Object.keys(targets).map((label) => [label, []]));
  for (let round = 1; round <= options.rounds; round++) {
    for (const [label, open] of Object.entries(targets)) {
      options.say(`http, round ${round}: ${label}`);
      const { profileDir, ...unprofiled } = options;
      rounds.get(label)?.push(await measure(open, round === 1 && profileDir !== undefined ? options : unprofiled));
    }
  }
  return [compare("POST a run", "post", rounds, options), compare("GET a run", "get", rounds, options)];
}

async function measure(
  open: (directory: string, options: BenchOptions) => Promise<Target>,
  options: BenchOptions,
): Promise<Opened> {
  await using directory = await tempDir();
  await using target = await open(directory.file("data"), options);
  // An org may have 10,000 unfinished runs, and nothing finishes them here.
  const post = await load(target, {
    method: "POST",
    paths: [target.path],
    body: BODY,
    warm: 3_000,
    count: options.isQuick ? 3_000 : 6_000,
  });
  const ids = post.bodies.map((body) => (JSON.parse(body) as { data: { id: string } }).data.id);
  const paths = ids.map((id) => `${target.path}/${id}`);
  const get = await load(target, { method: "GET", paths, warm: 5_000, count: options.isQuick ? 10_000 : 25_000 });
  return { post: figures(post), get: figures(get) };
}

async function load(
  target: Target,
  task: Pick<LoadTask, "method" | "paths" | "body" | "warm" | "count">,
): Promise<Load & { readonly bodies: string[] }> {
  const { port, headers } = target;
  const whole: LoadTask = { port, headers, connections: CONNECTIONS, timeoutMs: 40_000, ...task };
  const result = await runScript<Load & { readonly bodies: string[] }>(new URL("./load.ts", import.meta.url), whole);
  if (result.refused > 0)
    throw new Error(`${task.method} ${task.paths[0]}: ${result.refused} refused; ${result.bodies.at(-1)}`);
  return result;
}

function figures({ perSecond, p50Ms, p99Ms, refused }: Load): Load {
  return { perSecond, p50Ms, p99Ms, refused };
}

async function bare(file: string | undefined): Promise<Target> {
  const port = await freePort();
  const task: BareServerTask = { port, ...(file === undefined ? {} : { file }) };
  const script = fileURLToPath(new URL("./bare-server.ts", import.meta.url));
  const owned = startProcess(process.execPath, [script, JSON.stringify(task)]);
  await waitUntil("the bare server listens", () => canConnect(port));
  return { port, path: "/runs", headers: {}, [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose]() };
}

function compare(
  title: string,
  verb: keyof Opened,
  rounds: ReadonlyMap<string, readonly Opened[]>,
  { rounds: count }: BenchOptions,
): Report {
  const results = new Map([...rounds].map(([label, all]) => [label, medians(all.map((one) => ({ ...one[verb] })))]));
  const perSecond = (label: string) => results.get(label)?.perSecond;
  const ours = perSecond(OURS);
  return {
    title: `HTTP: ${title}`,
    what: `Over ${CONNECTIONS} connections kept alive, one request on its way on each, server and load in processes of their own; median of ${count}. Signalbox checks a token, Host and Origin, and the body against its schema.`,
    columns: ["", "requests/s", "p50 ms", "p99 ms", "Signalbox is"],
    rows: [...results].map(([label, load]) => [
      label,
      figure(load?.perSecond),
      figure(load?.p50Ms),
      figure(load?.p99Ms),
      label === OURS ? "" : ratio(ours, load?.perSecond),
    ]),
    aims: [
      aimForRatio("at least 0.5 of bare Hono with a durable row", ours, perSecond(ROW), 0.5),
      aimForRatio("at least 0.5 of bare Hono", ours, perSecond(BARE), 0.5),
    ],
  };
}
