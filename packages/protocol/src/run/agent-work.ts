import { ProviderIdSchema, type ProviderId } from "../provider.ts";
import type { AgentScriptInput } from "../session/agent-script.ts";
import type { Requirements } from "./plan.ts";
import { AgentInputsSchema, codegenTask, CodegenInputsSchema, type AgentInputs, type CodegenInputs } from "./tools.ts";

/** What the session of a step is opened with, whichever of the tools with an agent it has. Pure. */
export function agentInputsOf(tool: string, inputs: unknown): AgentInputs {
  return AgentInputsSchema.parse(tool === "codegen" ? sessionOf(CodegenInputsSchema.parse(inputs)) : inputs);
}

/** Whose agent works on a `codegen` step: the one that is required, else the one that the runner has for such steps. Pure. */
export function codegenProvider(requires: Requirements | undefined, ofRunner: ProviderId | undefined): ProviderId {
  return requires?.provider === undefined ? (ofRunner ?? "scripted") : ProviderIdSchema.parse(requires.provider);
}

/** Nobody sits before it, so it asks for nothing that its step allows. */
function sessionOf({ prompt, filePath, script, model, budget }: CodegenInputs): Partial<AgentInputs> {
  return {
    task: codegenTask(prompt, filePath),
    mode: "task",
    permissions: "all",
    ...(model === undefined ? {} : { model }),
    ...(budget === undefined ? {} : { budget }),
    ...(script === undefined
      ? {}
      : { script: JSON.stringify({ turns: [{ steps: script }] } satisfies AgentScriptInput) }),
  };
}
