import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

import { adapterOf, type AgentCommand } from "@signalbox/agents";

import { tempDir } from "../harness/temp-dir.ts";
import { LinePeer } from "./line-peer.ts";
import type { MeasuredAgent } from "./measured-agents.ts";

/** From the start of an agent's process to its first words, in milliseconds: nothing between it and this program. */
export async function bareStart(agent: MeasuredAgent): Promise<number> {
  await using directory = await tempDir();
  const command = await commandOf(agent, {
    workspace: directory.file("work"),
    home: directory.file("home"),
    tmpDir: directory.file("tmp"),
  });
  const from = performance.now();
  await using peer = new LinePeer(command);
  await agent.firstWords(peer, { prompt: agent.prompt, workspace: command.cwd, model: agent.model });
  return performance.now() - from;
}

/**
 * The command line, the environment and the files that an agent's adapter would start it with, in new folders: what is
 * compared starts alike. The adapter itself starts nothing.
 */
export async function commandOf(
  {
    provider,
    argv,
    version,
    model,
    endpoint,
    options,
  }: Omit<MeasuredAgent, "label" | "entry" | "firstWords" | "prompt">,
  folders: { readonly workspace: string; readonly home: string; readonly tmpDir: string },
): Promise<AgentCommand> {
  for (const folder of Object.values(folders)) await mkdir(folder, { recursive: true });
  let planned: AgentCommand | undefined;
  const spawn = (command: AgentCommand): Promise<never> => {
    planned = command;
    return Promise.reject(new Error("only what would be started was asked"));
  };
  const failure = await adapterOf(provider)
    .start({
      ...folders,
      sessionId: "bench",
      program: { argv, version },
      path: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
      ...(endpoint ? { endpoint } : {}),
      ...(model === undefined ? {} : { model }),
      options,
      spawn,
    })
    .catch((error: unknown) => error);
  if (!planned) throw failure;
  return planned;
}
