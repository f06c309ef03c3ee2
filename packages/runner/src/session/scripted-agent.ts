import { scriptedAdapter } from "@signalbox/agents";
import { SCRIPTED_AGENT_VERSION, scriptedAgentArgv, scriptedAgentFolders } from "@signalbox/agents/scripted-agent";

import type { AvailableAgent } from "./agent-catalog.ts";

/** The scripted agent of this machine: part of the runner, with nothing to install. */
export function scriptedAgent(options: Readonly<Record<string, unknown>> = {}): AvailableAgent {
  return {
    adapter: scriptedAdapter,
    program: { argv: scriptedAgentArgv(), version: SCRIPTED_AGENT_VERSION },
    folders: scriptedAgentFolders(),
    playsScripts: true,
    options,
  };
}
