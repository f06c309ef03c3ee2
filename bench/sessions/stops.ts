import { readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import type { AgentScriptInput } from "@signalbox/agents/scripted-agent";
import type { Session } from "@signalbox/protocol";

import type { BenchOptions } from "../harness/bench-options.ts";
import { aimForMost, figure, type Report } from "../harness/report.ts";
import type { SignalboxServer } from "../harness/signalbox.ts";
import { percentile } from "../harness/statistics.ts";
import { tempDir } from "../harness/temp-dir.ts";
import { waitUntil } from "../harness/wait-until.ts";
import { startService } from "./signalbox-start.ts";

/** How many agents flood at once. */
const CROWDS = [1, 4, 8];
const FLOOD_MS = 5_000;
const MB = 1e6;

const script: AgentScriptInput = {
  turns: [{ steps: [{ do: "flood", bytes: Number.MAX_SAFE_INTEGER }] }],
};

/** What one stop took, in milliseconds. */
interface Stop {
  readonly goneMs: number;
  readonly overMs: number;
}

/** How long a person waits for a stop while agents flood: until the agent is gone, and until all that it said is kept. */
export async function stops(options: BenchOptions): Promise<Report> {
  const rows: string[][] = [];
  let slowest = 0;
  for (const count of CROWDS) {
    options.say(`sessions: ${count} agents that flood, stopped one after the other`);
    const { stopped, waitingMb } = await stopAll(count, options);
    const [gone, over] = [stopped.map(({ goneMs }) => goneMs), stopped.map(({ overMs }) => overMs)];
    slowest = Math.max(slowest, ...gone);
    const figures = [percentile(gone, 0.5), Math.max(...gone), percentile(over, 0.5), Math.max(...over), waitingMb];
    rows.push([String(count), ...figures.map(figure)]);
  }
  return {
    title: "Sessions: a stop while agents flood",
    what: `The scripted agent, says words as fast as it can; after ${FLOOD_MS / 1_000} seconds each session is stopped, while those after it go on. Gone: from the POST of the stop until the session says that no process of its agent is left. Over: until all that was kept of its words is stored and the session has ended. Milliseconds. Waiting: what of all their words lies on the runner's disk and not yet on the server, before the first stop.`,
    columns: ["agents", "gone, p50", "gone, longest", "over, p50", "over, longest", "waiting, MB"],
    rows,
    aims: [aimForMost("an agent is gone ≤ 1,000 ms after its stop, however many flood", slowest, 1_000)],
  };
}

async function stopAll(
  count: number,
  { profileDir }: BenchOptions,
): Promise<{ readonly stopped: readonly Stop[]; readonly waitingMb: number }> {
  await using directory = await tempDir();
  await writeFile(directory.file("script.json"), JSON.stringify(script));
  const agents = [{ provider: "scripted", entry: { script: "script.json" } }];
  const name = `flood-${count}`;
  await using service = await startService({ directory, name, agents, sandbox: "none", slots: count, profileDir });
  const { server } = service;
  const sessions: Session[] = [];
  for (let number = 0; number < count; number++)
    sessions.push(await server.call<Session>("POST", "/sessions", { providerId: "scripted", task: "Flood." }));
  for (const { sessionId } of sessions)
    await waitUntil("an agent at work", async () => (await sessionOf(server, sessionId)).isWorking);
  await sleep(FLOOD_MS);
  const waitingMb = (await bytesBelow(join(directory.file(`${name}-runner`), "spool"))) / MB;
  const stopped: Stop[] = [];
  for (const { sessionId } of sessions) stopped.push(await stop(server, sessionId));
  return { stopped, waitingMb };
}

async function stop(server: SignalboxServer, sessionId: string): Promise<Stop> {
  const from = performance.now();
  await server.call<Session>("POST", `/sessions/${sessionId}/stop`, {});
  const is = (look: (session: Session) => boolean) => async () => look(await sessionOf(server, sessionId));
  const patience = { timeoutMs: 120_000 };
  await waitUntil(
    "an agent that is gone",
    is(({ agentEndedAt, endedAt }) => (agentEndedAt ?? endedAt) !== undefined),
    patience,
  );
  const goneMs = performance.now() - from;
  await waitUntil(
    "a session that is over",
    is(({ endedAt }) => endedAt !== undefined),
    patience,
  );
  return { goneMs, overMs: performance.now() - from };
}

function sessionOf(server: SignalboxServer, sessionId: string): Promise<Session> {
  return server.call<Session>("GET", `/sessions/${sessionId}`);
}

async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map(async ({ parentPath, name }) => (await stat(join(parentPath, name)).catch(() => ({ size: 0 }))).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
