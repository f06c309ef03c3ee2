import { once } from "node:events";

import { SESSION_SOCKET_PATH, type WsServerMessage } from "@signalbox/protocol";
import { WebSocket } from "ws";

import type { BenchOptions } from "../harness/bench-options.ts";
import { aimForMost, figure, type Report } from "../harness/report.ts";
import { startRunner, startServer, type SignalboxServer } from "../harness/signalbox.ts";
import { median, percentile } from "../harness/statistics.ts";
import { tempDir } from "../harness/temp-dir.ts";

interface Echo {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const SANDBOXES = { none: "no sandbox", auto: "sandbox auto" } as const;
const WARM = 50;
/** Under what one client may say in a second. */
const EVERY_MS = 8;

/** From a key at a client to its echo there, through server and runner and back, all of it stored on both. */
export async function keystrokes(options: BenchOptions): Promise<Report> {
  const count = options.isQuick ? 300 : 1_000;
  const echoes: Record<keyof typeof SANDBOXES, Echo[]> = { none: [], auto: [] };
  for (let round = 1; round <= options.rounds; round++) {
    for (const sandbox of ["none", "auto"] as const) {
      options.say(`terminals, round ${round}: keystrokes, ${SANDBOXES[sandbox]}`);
      await using directory = await tempDir();
      const profileDir = round === 1 && sandbox === "none" ? options.profileDir : undefined;
      await using server = await startServer({ dataDir: directory.file("server"), profileDir, isService: true });
      const common = { sandbox, profileDir, isService: true };
      await using _runner = await startRunner(server, { dataDir: directory.file("runner"), ...common });
      echoes[sandbox].push(await typeInto(server, count));
    }
  }
  const p99 = (sandbox: keyof typeof SANDBOXES) => median(echoes[sandbox].map(({ p99Ms }) => p99Ms));
  return {
    title: "Terminals: keystroke → echo",
    what: `One key at a time into \`stty raw -echo; cat\`, from its message on a client's socket to the echo's, server and runner in processes and sessions of their own, as services are; each echo is on the runner's disk and committed by the server before it is shown. Milliseconds, median of ${options.rounds} rounds of ${count}.`,
    columns: ["", "p50", "p99"],
    rows: (["none", "auto"] as const).map((sandbox) => [
      `Signalbox, ${SANDBOXES[sandbox]}`,
      figure(median(echoes[sandbox].map(({ p50Ms }) => p50Ms))),
      figure(p99(sandbox)),
    ]),
    aims: (["none", "auto"] as const).map((sandbox) =>
      aimForMost(`p99 at most 15 ms, ${SANDBOXES[sandbox]}`, p99(sandbox), 15),
    ),
  };
}

async function typeInto(server: SignalboxServer, count: number): Promise<Echo> {
  const inputs = { shell: "stty raw -echo; printf ready; exec cat", terminal: { columns: 80, rows: 24 } };
  const plan = { goal: "a terminal", steps: [{ name: "work", tool: "command", inputs }] };
  const { id } = await server.call<{ id: string }>("POST", "/runs", { plan });
  const ws = new WebSocket(`${server.url.replace("http", "ws")}${SESSION_SOCKET_PATH}`, { headers: server.headers });
  await once(ws, "open");
  ws.send(JSON.stringify({ type: "subscribe_session", sessionId: id, offset: 0 }));
  await nextOutput(ws);
  const latencies: number[] = [];
  for (let number = 0; number < WARM + count; number++) {
    const typedAt = performance.now();
    ws.send(JSON.stringify({ type: "terminal_input", sessionId: id, data: "k" }));
    await nextOutput(ws);
    const tookMs = performance.now() - typedAt;
    if (number >= WARM) latencies.push(tookMs);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, EVERY_MS - tookMs)));
  }
  ws.terminate();
  await server.call("POST", `/runs/${id}/cancel`, { mode: "abort" });
  return { p50Ms: percentile(latencies, 0.5), p99Ms: percentile(latencies, 0.99) };
}

async function nextOutput(ws: WebSocket): Promise<void> {
  for (;;) {
    const [data] = (await once(ws, "message")) as [Buffer];
    const message = JSON.parse(data.toString()) as WsServerMessage;
    if (message.type === "terminal" && message.action === "output") return;
    if (message.type === "error") throw new Error(data.toString());
  }
}
