import { CheckInputsSchema, type Command } from "@signalbox/protocol";

import { planGiven } from "./command.ts";
import { resultOfCommand } from "./command-result.ts";
import { planLint } from "./gate-lint.ts";
import type { CheckPlan, ProjectFiles } from "./gate-plan.ts";
import { checkLockFile, planAudit } from "./gate-security.ts";
import { planTest } from "./gate-test.ts";
import { planTypecheck } from "./gate-typecheck.ts";
import { readProjectFiles } from "./project-files.ts";
import type { StepContext, Tool, ToolResult } from "./tool.ts";

/** What each check runs when nobody says it. */
const PLANS: Readonly<Record<string, (files: ProjectFiles) => CheckPlan>> = {
  "gate:typecheck": planTypecheck,
  "gate:test": planTest,
  "gate:lint": planLint,
};

/** A check that the project defines: what the step or the project says, or else what is found. Nothing found is no success. */
export const runGate: Tool = async (context) => {
  const { envelope } = context.grant;
  const { argv, shell, cwd } = CheckInputsSchema.parse(envelope.inputs);
  const given: Command | null = argv || shell !== undefined ? { argv, shell, cwd } : envelope.command;
  if (given) return resultOfCommand(await context.run(planGiven(given)), given.shell !== undefined);

  const files = await readProjectFiles(context.workspace, cwd ?? "");
  if (envelope.tool === "gate:security") return runSecurity(context, files, cwd);
  return runPlan(context, PLANS[envelope.tool]?.(files) ?? { lookedFor: `a plan for ${envelope.tool}` }, cwd);
};

async function runPlan(context: StepContext, plan: CheckPlan, cwd: string | undefined): Promise<ToolResult> {
  if (!plan.commands) return { outcome: "skipped", message: `nothing to run was found; looked for ${plan.lookedFor}` };
  let result: ToolResult = { outcome: "succeeded" };
  for (const argv of plan.commands) {
    await context.say(`signalbox: ${plan.because}, so ${argv.join(" ")} runs\n`);
    result = resultOfCommand(await context.run({ argv, cwd, env: { CI: "true" } }), false);
    if (result.outcome !== "succeeded") return result;
  }
  return { ...result, outputs: { commands: plan.commands } };
}

/** With the network, the registry is asked; without, the lock file alone has to do, and the result says so. */
async function runSecurity(context: StepContext, files: ProjectFiles, cwd: string | undefined): Promise<ToolResult> {
  const auditors = [
    ...(files.names.has("Cargo.lock") ? ["cargo-audit"] : []),
    ...(files.names.has("requirements.txt") ? ["pip-audit"] : []),
  ];
  const programs = new Set((await Promise.all(auditors.map((name) => isInstalled(context, name)))).flat());
  const plan = planAudit(files, programs);
  if (!plan.commands)
    return { outcome: "skipped", message: `nothing to audit was found; looked for ${plan.lookedFor}` };
  if (context.hasNetwork) return runPlan(context, plan, cwd);

  const report = checkLockFile(files);
  if (!report)
    return { outcome: "skipped", message: "there are no dependencies to check, and no network to ask a registry" };
  const { lockFile, dependencies, problems } = report;
  await context.say(
    `signalbox: no network, so only the lock file was checked (${lockFile}, ${dependencies} dependencies)\n`,
  );
  await context.say(problems.map((problem) => `${problem}\n`).join(""), "stdout");
  const outputs = { check: "lock-file", lockFile, dependencies, problems: problems.length };
  if (problems.length === 0)
    return {
      outcome: "succeeded",
      message: `every dependency is locked in ${lockFile}; no registry was asked`,
      outputs,
    };
  return {
    outcome: "failed",
    reason: "tool_failure",
    message: `${problems.length} problems in ${lockFile}, first: ${problems[0]}`,
    outputs,
  };
}

async function isInstalled(context: StepContext, program: string): Promise<string[]> {
  const { exitCode } = await context.capture({ argv: ["/bin/sh", "-c", 'command -v "$0"', program] });
  return exitCode === 0 ? [program] : [];
}
