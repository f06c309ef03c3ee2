import type { CreateRunInput, Run, TaskType } from "@signalbox/protocol";
import { Option, type Command } from "commander";

import { addBudgetOptions, readBudget, type BudgetOptions } from "../budget-options.ts";
import type { Context } from "../context.ts";
import { usageError } from "../errors.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { Act } from "../program.ts";
import { readLabels } from "../read-labels.ts";
import { readMilliseconds } from "../read-milliseconds.ts";
import { remoteText } from "../text/remote-text.ts";

interface Options extends BudgetOptions {
  readonly prompt?: string;
  readonly command?: string;
  readonly instructions?: string;
  readonly taskType?: TaskType;
  readonly quality?: true;
  readonly openPr?: true;
  readonly file?: string;
  readonly repo?: string;
  readonly branch?: string;
  readonly project?: string;
  readonly name?: string;
  readonly label: readonly string[];
  readonly provider?: string;
  readonly timeout?: number;
  readonly fromRun?: string;
  readonly detach?: true;
  readonly wait: boolean;
}

/** `signalbox run`: starts a run, and shows it until it has ended. */
export function define(command: Command, act: Act): void {
  addBudgetOptions(command, "its agents use")
    .argument("[plan]", "a plan in YAML or JSON; - for stdin")
    .option("-p, --prompt <text>", "what an agent should do, instead of a plan")
    .option("-c, --command <text>", "a shell text to run, instead of a plan")
    .option("-i, --instructions <text>", "what to do in plain words, instead of a plan")
    .addOption(new Option("--task-type <type>", "with --instructions: what kind of work it is").choices(TASK_TYPES))
    .option("-q, --quality", "with --prompt: type check, lint, test and audit afterwards")
    .option("--open-pr", "with --prompt: propose the changes afterwards")
    .option("--file <path>", "with --prompt: the file that the work should end up in")
    .option("-r, --repo <path|url>", "the repository to work on; a folder of this machine, or a URL")
    .option("-b, --branch <name>", "with --repo: the branch to begin from")
    .option("--project <id>", "the project that the run belongs to (default: default)")
    .option("--name <text>", "what to call the run")
    .option("-l, --label <name=value>", "a label that the runner must have; may be repeated", collect, [])
    .option("--provider <name>", "the agent that the runner must have, such as codex or claude_code")
    .option("--timeout <time>", "ends the run after this time, such as 90s, 15m or 2h", readMilliseconds)
    .option("--from-run <run>", "copy the workspace files of this run first")
    .option("-d, --detach", "print the run's id and leave it to the server")
    .option("--no-wait", "leave with exit code 4 where the run waits at a gate", true)
    .addHelpText("after", DETAILS)
    .action(act(startRun));
}

const TASK_TYPES = [
  "code",
  "research",
  "writing",
  "data_analysis",
  "document_processing",
  "document_writing",
  "document_analysis",
];

const DETAILS = `
Ctrl-C asks for the run to be cancelled; a second Ctrl-C leaves it to the server.
Exit codes: 0 succeeded, 1 failed, 3 cancelled, 4 waits at a gate (--no-wait), 130 left.

Examples:
  signalbox run plan.yaml
  signalbox run --command "npm test" --repo .
  signalbox run --prompt "Fix the failing test" --repo . --quality`;

async function startRun(context: Context, planPath: string | undefined, options: Options): Promise<void> {
  const request = await readRequest(context, planPath, options);
  const client = await context.client();
  const run = await client.runs.create(request);
  if (options.detach) return context.output.result(run, () => tellDetached(context, run));
  context.output.note(`${run.id}: ${remoteText(run.goal)}`);

  const { watchRun } = await import("../run-view/watch-run.ts");
  const { summarize } = await import("../run-view/summary.ts");
  const watched = await watchRun(context, { client, run, waitsAtGates: options.wait, onInterrupt: "cancel" });
  await summarize(context, client, run.id, watched);
  context.exit(EXIT_CODES[watched.end === "left" ? "interrupted" : watched.end].code);
}

async function readRequest(context: Context, planPath: string | undefined, options: Options): Promise<CreateRunInput> {
  const given = [
    planPath && "a plan",
    options.prompt && "--prompt",
    options.command && "--command",
    options.instructions && "--instructions",
  ].filter(Boolean);
  if (given.length !== 1) {
    const what = given.length === 0 ? "nothing to run" : `${given.join(" and ")} do not go together`;
    throw usageError(what, "give one of: a plan file, --prompt, --command, --instructions");
  }
  refuseStrayOptions(options);
  const work = await readWork(context, planPath, options);
  const requires = readRequirements(options);
  return {
    ...work,
    ...(options.project === undefined ? {} : { projectId: options.project }),
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.timeout === undefined ? {} : { timeoutMs: options.timeout }),
    ...readBudget(options),
    ...(options.fromRun === undefined ? {} : { fromRunId: options.fromRun }),
    ...(requires === undefined ? {} : { requires: { ...work.requires, ...requires } }),
    ...(await readRepo(context, options)),
  };
}

async function readWork(
  { cwd, stdin }: Context,
  planPath: string | undefined,
  options: Options,
): Promise<CreateRunInput> {
  if (planPath !== undefined) {
    const { readPlanFile } = await import("../plan-file.ts");
    return await readPlanFile(planPath, cwd, stdin);
  }
  if (options.command !== undefined) return { command: options.command };
  if (options.instructions !== undefined) {
    return {
      instructions: options.instructions,
      ...(options.taskType === undefined ? {} : { taskType: options.taskType }),
    };
  }
  return {
    standard: {
      prompt: options.prompt ?? "",
      ...(options.quality ? { quality: true } : {}),
      ...(options.openPr ? { openPr: true } : {}),
      ...(options.file === undefined ? {} : { filePath: options.file }),
    },
  };
}

async function readRepo({ cwd }: Context, { repo, branch }: Options): Promise<Pick<CreateRunInput, "repo">> {
  if (repo === undefined) return {};
  const { readRepository } = await import("../repo-argument.ts");
  return { repo: await readRepository(repo, branch, cwd) };
}

function readRequirements({ label, provider }: Options): CreateRunInput["requires"] {
  if (label.length === 0 && provider === undefined) return undefined;
  return {
    ...(label.length === 0 ? {} : { labels: readLabels(label) }),
    ...(provider === undefined ? {} : { provider }),
  };
}

function refuseStrayOptions(options: Options): void {
  const belongsTo = (name: string, isGiven: unknown, to: string, isThere: unknown) => {
    if (isGiven !== undefined && isThere === undefined) throw usageError(`${name} goes with ${to} only`);
  };
  belongsTo("--quality", options.quality, "--prompt", options.prompt);
  belongsTo("--open-pr", options.openPr, "--prompt", options.prompt);
  belongsTo("--file", options.file, "--prompt", options.prompt);
  belongsTo("--task-type", options.taskType, "--instructions", options.instructions);
  belongsTo("--branch", options.branch, "--repo", options.repo);
}

function tellDetached({ output }: Context, run: Run): void {
  output.line(run.id);
  output.note(`watch it with \`signalbox logs -f ${run.id}\`, cancel it with \`signalbox cancel ${run.id}\``);
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
