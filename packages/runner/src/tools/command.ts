import { CommandSchema, type Command } from "@signalbox/protocol";

import { resultOfCommand } from "./command-result.ts";
import type { PlannedCommand, StepContext, ToolResult } from "./tool.ts";

/** The tool `command`: a program with arguments, or a text for the shell. */
export async function runCommand(context: StepContext): Promise<ToolResult> {
  return runGiven(context, CommandSchema.parse(context.grant.envelope.inputs));
}

/** Runs a command as the protocol has it, with more environment if need be. */
export async function runGiven(
  context: StepContext,
  command: Command,
  env: Readonly<Record<string, string>> = {},
): Promise<ToolResult> {
  const end = await context.run(planGiven(command, env));
  return resultOfCommand(end, command.shell !== undefined);
}

/** How a command of the protocol is started. */
export function planGiven(
  { argv, shell, cwd, env, stdin, terminal }: Command,
  extra: Readonly<Record<string, string>> = {},
): PlannedCommand {
  return { argv: argv ?? ["/bin/sh", "-c", shell ?? ""], cwd, env: { ...env, ...extra }, stdin, terminal };
}
