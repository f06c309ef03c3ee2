import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

import type { Session } from "@signalbox/protocol";

import { cpuMs, residentKb, shareBelowKb } from "../harness/process-cost.ts";
import type { SignalboxServer } from "../harness/signalbox.ts";
import { percentile } from "../harness/statistics.ts";
import { tempDir } from "../harness/temp-dir.ts";
import { AgentStream } from "./agent-stream.ts";
import type { BareCrowd } from "./bare-crowd.ts";
import { CROWD_SCRIPT, HELLO, TALK } from "./crowd-script.ts";
import { startService } from "./signalbox-start.ts";

/** What the same agents need as sessions, and what is needed around them. */
export interface SignalboxCrowd extends BareCrowd {
  readonly runnerRestMb: number;
  readonly runnerMb: number;
  readonly runnerKbEach: number;
  readonly serverKbEach: number;
  readonly runnerStartCpuMs: number;
  readonly serverStartCpuMs: number;
  readonly runnerIdlePercent: number;
  readonly serverIdlePercent: number;
  readonly runnerTalkPercent: number;
  readonly serverTalkPercent: number;
  /** Sessions that ended in good order. */
  readonly completed: number;
}

const REST_MS = 3_000;
/** Followed by one client: a token may have so many streams open. */
const SESSIONS_EACH = 25;

/** Opens so many sessions of the scripted agent on one runner at once, speaks to all of them at once, and closes them. */
export async function signalboxCrowd(count: number, profileDir: string | undefined): Promise<SignalboxCrowd> {
  await using directory = await tempDir();
  await writeFile(directory.file("script.json"), CROWD_SCRIPT);
  await using service = await startService({
    directory,
    name: "crowd",
    agents: [{ provider: "scripted", entry: { script: "script.json" } }],
    sandbox: "none",
    slots: count,
    limits: { "sessions.perOrg": count },
    profileDir,
  });
  const { server, runnerPid } = service;
  const clients = await Promise.all(Array.from({ length: Math.ceil(count / SESSIONS_EACH) }, () => clientOf(server)));
  await sleep(REST_MS);
  const rest = costOf(service);
  const members = await Promise.all(
    Array.from({ length: count }, (_, number) => Member.open(clients[number % clients.length] ?? server)),
  );
  const starts = await Promise.all(members.map((member) => member.begun()));
  const started = costOf(service);
  await sleep(REST_MS);
  const idleFrom = costOf(service);
  const agentsKb = shareBelowKb(runnerPid) - rest.belowKb;
  await sleep(REST_MS);
  const idleTo = costOf(service);
  const talks = await Promise.all(members.map((member) => member.talk()));
  const talked = costOf(service);
  const ends = await Promise.all(members.map((member) => member.close()));
  return {
    startP50Ms: percentile(starts, 0.5),
    startP99Ms: percentile(starts, 0.99),
    talkP50Ms: percentile(talks, 0.5),
    talkP99Ms: percentile(talks, 0.99),
    agentMb: mb(agentsKb) / count,
    runnerRestMb: mb(rest.runner.kb),
    runnerMb: mb(idleTo.runner.kb),
    runnerKbEach: (idleTo.runner.kb - rest.runner.kb) / count,
    serverKbEach: (idleTo.server.kb - rest.server.kb) / count,
    runnerStartCpuMs: (started.runner.cpuMs - rest.runner.cpuMs) / count,
    serverStartCpuMs: (started.server.cpuMs - rest.server.cpuMs) / count,
    runnerIdlePercent: percentOf("runner", idleFrom, idleTo),
    serverIdlePercent: percentOf("server", idleFrom, idleTo),
    runnerTalkPercent: percentOf("runner", idleTo, talked),
    serverTalkPercent: percentOf("server", idleTo, talked),
    completed: ends.filter((state) => state === "COMPLETED").length,
  };
}

type Client = Pick<SignalboxServer, "url" | "headers" | "call">;

/** The same server with a token of its own to follow with. */
async function clientOf(server: SignalboxServer): Promise<Client> {
  const request = { name: "bench", scopes: ["runs:read"] };
  const { token } = await server.call<{ token: string }>("POST", "/tokens", request);
  return { ...server, headers: { authorization: `Bearer ${token}` } };
}

/** A session, and the client that follows it. */
class Member {
  readonly #server: Client;
  readonly #openedAt: number;
  readonly #sessionId: string;
  readonly #stream: AgentStream;

  static async open(server: Client): Promise<Member> {
    const openedAt = performance.now();
    const request = { providerId: "scripted", task: HELLO, mode: "interactive", timeoutMinutes: 10 };
    const session = await server.call<Session>("POST", "/sessions", request);
    return new Member(server, session, openedAt);
  }

  private constructor(server: Client, session: Session, openedAt: number) {
    this.#server = server;
    this.#openedAt = openedAt;
    this.#sessionId = session.sessionId;
    this.#stream = new AgentStream(server, session);
  }

  /** From the order to the first words; resolves when it is done with them. */
  async begun(): Promise<number> {
    const wordsAt = await this.#stream.words(1);
    await this.#stream.end(1);
    return wordsAt - this.#openedAt;
  }

  async talk(): Promise<number> {
    const toldAt = performance.now();
    await this.#server.call("POST", `/sessions/${this.#sessionId}/inputs`, { text: TALK });
    const wordsAt = await this.#stream.words(2);
    await this.#stream.end(2);
    return wordsAt - toldAt;
  }

  async close(): Promise<string> {
    await this.#server.call("POST", `/sessions/${this.#sessionId}/stop`, {});
    await this.#stream.over;
    return (await this.#server.call<Session>("GET", `/sessions/${this.#sessionId}`)).state;
  }
}

interface Cost {
  readonly at: number;
  readonly server: { readonly kb: number; readonly cpuMs: number };
  readonly runner: { readonly kb: number; readonly cpuMs: number };
  /** The runner's guard, and agents. */
  readonly belowKb: number;
}

function costOf({ server, runnerPid }: { readonly server: SignalboxServer; readonly runnerPid: number }): Cost {
  const of = (pid: number) => ({ kb: residentKb(pid), cpuMs: cpuMs(pid) });
  return { at: performance.now(), server: of(server.pid), runner: of(runnerPid), belowKb: shareBelowKb(runnerPid) };
}

function percentOf(which: "server" | "runner", from: Cost, to: Cost): number {
  return (100 * (to[which].cpuMs - from[which].cpuMs)) / (to.at - from.at);
}

function mb(kb: number): number {
  return (kb * 1_024) / 1e6;
}
