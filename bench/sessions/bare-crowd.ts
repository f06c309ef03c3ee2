import type { AgentCommand } from "@signalbox/agents";
import { SCRIPTED_AGENT_VERSION, scriptedAgentArgv } from "@signalbox/agents/scripted-agent";

import { shareBelowKb } from "../harness/process-cost.ts";
import { percentile } from "../harness/statistics.ts";
import { tempDir } from "../harness/temp-dir.ts";
import { commandOf } from "./bare-start.ts";
import { CROWD_SCRIPT, HELLO, TALK } from "./crowd-script.ts";
import { isWord, openAcp } from "./first-words.ts";
import { at, LinePeer } from "./line-peer.ts";

/** What agents without anything around them need. */
export interface BareCrowd {
  readonly startP50Ms: number;
  readonly startP99Ms: number;
  readonly talkP50Ms: number;
  readonly talkP99Ms: number;
  readonly agentMb: number;
}

/** Begins so many scripted agents at once, and then speaks to all of them at once. */
export async function bareCrowd(count: number): Promise<BareCrowd> {
  await using directory = await tempDir();
  const commands = await Promise.all(
    Array.from({ length: count }, (_, number) =>
      commandOf(SCRIPTED, {
        workspace: directory.file(String(number), "work"),
        home: directory.file(String(number), "home"),
        tmpDir: directory.file(String(number), "tmp"),
      }),
    ),
  );
  await using cleanup = new AsyncDisposableStack();
  const beforeKb = shareBelowKb(process.pid);
  const from = performance.now();
  const members = commands.map((command) => new Member(command, cleanup));
  const starts = await Promise.all(members.map(async (member) => (await member.begin()) - from));
  const agentMb = ((shareBelowKb(process.pid) - beforeKb) * 1_024) / 1e6 / count;
  const toldAt = performance.now();
  const talks = await Promise.all(members.map(async (member) => (await member.talk()) - toldAt));
  return {
    startP50Ms: percentile(starts, 0.5),
    startP99Ms: percentile(starts, 0.99),
    talkP50Ms: percentile(talks, 0.5),
    talkP99Ms: percentile(talks, 0.99),
    agentMb,
  };
}

const SCRIPTED = {
  provider: "scripted",
  argv: scriptedAgentArgv(),
  version: SCRIPTED_AGENT_VERSION,
  model: undefined,
  endpoint: undefined,
  options: { script: CROWD_SCRIPT },
};

/** One agent, and its conversation. */
class Member {
  readonly #peer: LinePeer;
  readonly #workspace: string;
  #sessionId: unknown;

  constructor(command: AgentCommand, cleanup: AsyncDisposableStack) {
    this.#peer = cleanup.use(new LinePeer(command));
    this.#workspace = command.cwd;
  }

  /** When its first words came. */
  async begin(): Promise<number> {
    this.#sessionId = await openAcp(this.#peer, this.#workspace);
    return this.#say(HELLO);
  }

  talk(): Promise<number> {
    return this.#say(TALK);
  }

  async #say(text: string): Promise<number> {
    const params = { sessionId: this.#sessionId, prompt: [{ type: "text", text }] };
    this.#peer.tell("session/prompt", params, { isCall: true });
    await this.#peer.next(isWord);
    const wordsAt = performance.now();
    await this.#peer.next((frame) => at(frame, "result", "stopReason") !== undefined);
    return wordsAt;
  }
}
