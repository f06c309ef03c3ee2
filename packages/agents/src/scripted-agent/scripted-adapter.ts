import { join } from "node:path";
import * as z from "zod";

import { ACP_CAPABILITIES } from "../acp/acp-capabilities.ts";
import { AcpDriver } from "../acp/acp-driver.ts";
import type { AcpPromptResponse } from "../acp/acp-frames.ts";
import type { AgentAdapter, AgentStartSpec } from "../agent-session.ts";
import { capabilitiesAt } from "../capabilities.ts";
import { agentEnvironment } from "../environment.ts";
import { AgentError } from "../errors.ts";
import { readOptions } from "../read-options.ts";
import type { LaunchPlan } from "../session/agent-protocol.ts";
import { createAdapter } from "../session/create-adapter.ts";
import type { UsageNews } from "../session/news.ts";
import { AgentScriptSchema } from "@signalbox/protocol/agent-script";

/** What a spec's `options` may hold for the scripted agent. */
export const ScriptedOptionsSchema = z.strictObject({
  /** What to play, as JSON. Default: the agent's own short script. */
  script: z.string().optional(),
});
export type ScriptedOptions = z.infer<typeof ScriptedOptionsSchema>;

/** The agent that plays a script, over ACP like any other. Options: `ScriptedOptions`. */
export const scriptedAdapter: AgentAdapter = createAdapter({
  provider: "scripted",
  takesInstructions: false,
  capabilities: (version) => capabilitiesAt(ACP_CAPABILITIES, version),
  plan: (spec) => scriptedLaunch(spec),
  connect: (port, spec, opening) =>
    new AcpDriver(port, spec, opening, { usageOf: usageOfSession, isModelChosen: true }),
});

function scriptedLaunch(spec: AgentStartSpec): LaunchPlan {
  const { script } = readOptions("scripted", ScriptedOptionsSchema, spec.options);
  const path = join(spec.tmpDir, "signalbox-script.json");
  if (script !== undefined) checkScript(script);
  return {
    command: {
      argv: [...spec.program.argv, ...(script === undefined ? [] : ["--script", path])],
      cwd: spec.workspace,
      // It asks no model.
      env: agentEnvironment(spec, {}),
    },
    files: script === undefined ? [] : [{ path, text: script }],
  };
}

function checkScript(script: string): void {
  try {
    AgentScriptSchema.parse(JSON.parse(script));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new AgentError("INVALID_SPEC", `the script cannot be played: ${why}`, {}, { cause: error });
  }
}

/** It tells all since the session began, cached tokens among the input. Pure. */
function usageOfSession({ usage }: AcpPromptResponse): Pick<UsageNews, "counts" | "usage"> | undefined {
  if (!usage) return undefined;
  const { inputTokens, outputTokens, cachedReadTokens } = usage;
  return {
    counts: "total",
    usage: { inputTokens: inputTokens ?? 0, outputTokens: outputTokens ?? 0, cachedTokens: cachedReadTokens ?? 0 },
  };
}
