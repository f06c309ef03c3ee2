import { writeFile } from "node:fs/promises";

import { agentsCacheDir } from "@signalbox/agents/install";
import type { Session } from "@signalbox/protocol";
import type { TempDir } from "@signalbox/testkit";

import { startRunner, startServer, type SignalboxServer } from "../harness/signalbox.ts";
import { AgentStream } from "./agent-stream.ts";
import type { MeasuredAgent } from "./measured-agents.ts";

/** A server and one runner that offers these agents, in processes of their own. */
export interface SessionService extends AsyncDisposable {
  readonly server: SignalboxServer;
  readonly runnerPid: number;
}

export interface SessionServiceSettings {
  /** Holds the key and the scripts that the entries name. */
  readonly directory: TempDir;
  /** Told apart in that folder. */
  readonly name: string;
  readonly agents: readonly Pick<MeasuredAgent, "provider" | "entry">[];
  readonly sandbox: "auto" | "none";
  readonly slots?: number;
  readonly limits?: Readonly<Record<string, number>>;
  readonly profileDir?: string | undefined;
}

export async function startService(settings: SessionServiceSettings): Promise<SessionService> {
  const { directory, name, agents, sandbox, slots, limits = {}, profileDir } = settings;
  const file = directory.file(`${name}-agents.json`);
  const entries = Object.fromEntries(agents.map(({ provider, entry }) => [provider, entry]));
  await writeFile(file, JSON.stringify({ agents: entries }));
  await using cleanup = new AsyncDisposableStack();
  const server = cleanup.use(
    await startServer({
      dataDir: directory.file(`${name}-server`),
      profileDir,
      isService: true,
      environment: { SIGNALBOX_LIMITS: JSON.stringify(limits) },
    }),
  );
  const runner = cleanup.use(
    await startRunner(server, {
      dataDir: directory.file(`${name}-runner`),
      sandbox,
      profileDir,
      isService: true,
      ...(slots === undefined ? {} : { slots }),
      environment: { SIGNALBOX_AGENTS_FILE: file, SIGNALBOX_AGENTS_DIR: agentsCacheDir(process.env) },
    }),
  );
  const all = cleanup.move();
  return { server, runnerPid: runner.pid, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** From the POST of a session to the agent's first words at a client that follows it, in milliseconds; waits for its end. */
export async function signalboxStart(server: SignalboxServer, agent: MeasuredAgent): Promise<number> {
  const { provider: providerId, prompt: task, model } = agent;
  const from = performance.now();
  const session = await server.call<Session>("POST", "/sessions", {
    providerId,
    task,
    timeoutMinutes: 5,
    ...(model === undefined ? {} : { model }),
  });
  const stream = new AgentStream(server, session);
  const wordsAt = await stream.words(1);
  await stream.over;
  return wordsAt - from;
}
