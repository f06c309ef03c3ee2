import { CodegenInputsSchema, type FailureReason } from "@signalbox/protocol";

import type { Agent, AgentEnd } from "./agent.ts";
import { scriptedAgent } from "./scripted-agent.ts";
import type { Tool } from "./tool.ts";

/** The agents of this runner, the best first. */
const AGENTS: readonly Agent[] = [scriptedAgent];

const REASONS: Readonly<Record<Exclude<AgentEnd["outcome"], "done">, FailureReason>> = {
  failed: "tool_failure",
  refused: "tool_not_allowed",
  broken: "runtime_error",
};

/** The tool `codegen`: an agent works on a prompt. Every file that it wrote is kept as an artifact. */
export const runCodegen: Tool = async (context) => {
  const { inputs: given, toolsAllowed } = context.grant.envelope;
  const inputs = CodegenInputsSchema.parse(given);
  const agent =
    AGENTS.find(
      ({ capabilities }) => capabilities.thinks || (inputs.script !== undefined && capabilities.playsScripts),
    ) ?? scriptedAgent;
  const mayUse = (tool: string): boolean => toolsAllowed === null || toolsAllowed.includes(tool);
  const { outcome, message, written } = await agent.work(context, { inputs, mayUse });
  const artifacts = [...new Set(written)];
  const outputs = { agent: agent.name, files: artifacts };
  if (outcome === "done") return { outcome: "succeeded", outputs, artifacts };
  return {
    outcome: "failed",
    reason: REASONS[outcome],
    outputs,
    artifacts,
    ...(message === undefined ? {} : { message }),
  };
};
