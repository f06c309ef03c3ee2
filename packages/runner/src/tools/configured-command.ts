import { ConfiguredInputsSchema } from "@signalbox/protocol";

import { runGiven } from "./command.ts";
import type { Tool } from "./tool.ts";

/** The tools `deploy:*` and `backup:*`: what the project configures under the tool's name, with the inputs as environment. */
export const runConfigured: Tool = async (context) => {
  const { tool, command, inputs } = context.grant.envelope;
  if (command) return runGiven(context, command, inputEnvironment(inputs));
  const message = `the project has no command for ${tool}; put one under commands["${tool}"] of the project, as argv or shell`;
  return { outcome: "failed", reason: "missing_dependency", message };
};

/** `{"dryRun": true}` as `SIGNALBOX_INPUT_DRYRUN=true`; texts as they are, everything else as JSON. */
export function inputEnvironment(inputs: Readonly<Record<string, unknown>>): Record<string, string> {
  const entries = Object.entries(ConfiguredInputsSchema.parse(inputs));
  return Object.fromEntries(
    entries.map(([name, value]) => [variableOf(name), typeof value === "string" ? value : JSON.stringify(value)]),
  );
}

function variableOf(name: string): string {
  return `SIGNALBOX_INPUT_${name.toUpperCase().replaceAll("-", "_")}`;
}
