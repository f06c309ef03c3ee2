import { fileURLToPath } from "node:url";

import { programFolders } from "./program-folders.ts";

export { DEFAULT_SCRIPT } from "./default-script.ts";
export { AgentScriptSchema, ScriptStepSchema } from "@signalbox/protocol/agent-script";
export type {
  AgentScript,
  AgentScriptInput,
  ScriptStep,
  ScriptStepInput,
  ScriptStepOf,
} from "@signalbox/protocol/agent-script";
export { SCRIPTED_AGENT_VERSION } from "./scripted-agent.ts";

/**
 * How the scripted agent is started: `node` (default: the one that runs this), its program, and the script that it plays
 * (default: a short one of its own). `stateDir` holds its sessions; default: a folder in its home.
 */
export function scriptedAgentArgv({
  script,
  stateDir,
  node = process.execPath,
}: {
  readonly script?: string;
  readonly stateDir?: string;
  readonly node?: string;
} = {}): [string, ...string[]] {
  const scriptArgs = script === undefined ? [] : ["--script", script];
  const stateArgs = stateDir === undefined ? [] : ["--state", stateDir];
  return [node, MAIN, ...scriptArgs, ...stateArgs];
}

/** Folders of this machine that a sandbox must show for the scripted agent to run in it. */
export function scriptedAgentFolders(): string[] {
  return programFolders(MAIN);
}

/** Beside this file, as TypeScript in a clone and as JavaScript in a package. */
const MAIN = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "./main.ts" : "./main.js", import.meta.url));
