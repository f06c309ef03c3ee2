import { ProviderIdSchema, type ProviderId } from "../provider.ts";
import type { AgentScriptInput } from "../session/agent-script.ts";
import type { Requirements } from "./plan.ts";
import { AgentInputsSchema, CodegenInputsSchema, type AgentInputs, type CodegenInputs } from "./tools.ts";

/** What the session of a step is opened with, whichever of the tools with an agent it has. Pure. */
export function agentInputsOf(tool: string, inputs: unknown): AgentInputs {
  return AgentInputsSchema.parse(tool === "codegen" ? sessionOf(CodegenInputsSchema.parse(inputs)) : inputs);
}

/**
 * Whose agent works on a `codegen` step: the one that the step requires, the one that plays its script, or the one that the
 * runner has for such steps. Pure.
 */
export function codegenProvider(
  { requires, inputs }: { readonly requires?: Requirements | undefined; readonly inputs?: unknown },
  ofRunner: ProviderId | undefined,
): ProviderId {
  if (requires?.provider !== undefined) return ProviderIdSchema.parse(requires.provider);
  return hasScript(inputs) ? "scripted" : (ofRunner ?? "scripted");
}

/** Nobody sits before it, so it asks for nothing that its step allows. */
function sessionOf({ prompt, filePath, script }: CodegenInputs): Partial<AgentInputs> {
  return {
    task: filePath === undefined ? prompt : `Put the result into the file ${filePath}.\n\n${prompt}`,
    mode: "task",
    permissions: "all",
    ...(script === undefined
      ? {}
      : { script: JSON.stringify({ turns: [{ steps: script }] } satisfies AgentScriptInput) }),
  };
}

function hasScript(inputs: unknown): boolean {
  return typeof inputs === "object" && inputs !== null && "script" in inputs && inputs.script !== undefined;
}
