import {
  agentProvider,
  CommandSchema,
  findTool,
  limit,
  ProviderIdSchema,
  StepSchema,
  type Command,
  type CreateRunRequest,
  type Plan,
  type Requirements,
  type Step,
  type StepInput,
} from "@signalbox/protocol";
import { sha256Hex } from "@signalbox/protocol/hash";
import { canonicalJson } from "@signalbox/protocol";
import type { PlannedStep } from "@signalbox/store";

import { check } from "../answer.ts";
import { ControlPlaneError } from "../errors.ts";
import { firstPlaces, orderSteps, type OrderedStep } from "./order-steps.ts";

/** What of a project goes into a plan, as it is when the run is made. */
export interface PlanningProject {
  readonly id: string;
  readonly env: Readonly<Record<string, string>>;
  readonly commands: Readonly<Record<string, Command>>;
  /** Whether the run works on a repository. Default false. */
  readonly hasRepository?: boolean;
}

/** A run's goal and its steps as they will run. */
export interface PlannedRun {
  readonly goal: string;
  readonly source: "plan" | "standard" | "instructions" | "command";
  readonly steps: PlannedStep[];
}

/** Makes the steps of a run out of whichever way it was asked for. Pure: the same request makes the same steps. */
export function planRun(request: CreateRunRequest, project: PlanningProject, reference?: Plan): PlannedRun {
  const { goal, source, steps } = draft(request, project, reference);
  for (const { name, tool } of steps) refuseOwn(name, tool);
  return { goal, source, steps: planSteps(steps, project, request.requires) };
}

/** Brings steps into the order in which they may run, with all that holds for them. */
export function planSteps(steps: readonly Step[], project: PlanningProject, requires?: Requirements): PlannedStep[] {
  const ordered = orderSteps(steps);
  const places = firstPlaces(steps);
  return ordered.map((step) => planStep(step, `plan.steps[${places.get(step.name) ?? 0}]`, ordered, project, requires));
}

function refuseOwn(name: string, tool: string): void {
  if (findTool(tool)?.isOwn !== true) return;
  throw new ControlPlaneError("UNKNOWN_TOOL", `step "${name}" names the tool "${tool}", which no plan may use`, {
    tool,
  });
}

function draft(
  request: CreateRunRequest,
  { hasRepository = false }: PlanningProject,
  reference?: Plan,
): { goal: string; source: PlannedRun["source"]; steps: readonly Step[] } {
  if (request.plan) return { goal: request.plan.goal, source: "plan", steps: request.plan.steps };
  if (request.standard)
    return {
      goal: shorten(request.standard.prompt),
      source: "standard",
      steps: standardSteps(request.standard, hasRepository),
    };
  if (request.instructions !== undefined) {
    return {
      goal: shorten(request.instructions),
      source: "instructions",
      steps: instructionSteps(request.instructions, request.taskType ?? "code", reference),
    };
  }
  const command = typeof request.command === "string" ? { shell: request.command } : request.command;
  return {
    goal: shorten(command?.shell ?? command?.argv?.join(" ") ?? "command"),
    source: "command",
    steps: [step({ name: "command", tool: "command", inputs: { ...command } as PlannedStep["inputs"] })],
  };
}

function standardSteps(
  { prompt, quality, openPr, filePath }: Exclude<CreateRunRequest["standard"], undefined>,
  hasRepository: boolean,
): Step[] {
  const inputs = { prompt, ...(filePath === undefined ? {} : { filePath }) };
  const checks = ["typecheck", "lint", "test", "security"].map((name) => ({ name, tool: `gate:${name}` }));
  return [
    { name: "work", tool: "codegen", inputs },
    ...(quality ? checks : []),
    ...(openPr ? proposal(shorten(prompt, 100), hasRepository) : []),
  ].map(step);
}

/** Nobody is asked about a proposal that cannot be made: without a repository, the step is skipped and says so. */
function proposal(title: string, hasRepository: boolean): Pick<StepInput, "name" | "tool" | "inputs">[] {
  const description = `Push what this run changed to a branch of its own, and open the pull request "${title}".`;
  return [
    ...(hasRepository
      ? [
          { name: "changes", tool: "changes", inputs: {} },
          { name: "approve", tool: "gate:manual", inputs: { description } },
        ]
      : []),
    { name: "pull-request", tool: "pull-request", inputs: { title } },
  ];
}

/** The steps of another run with the new instructions in place of the old, or one step for an agent. */
function instructionSteps(instructions: string, taskType: string, reference?: Plan): readonly Step[] {
  if (!reference) return [step({ name: "work", tool: "codegen", inputs: { prompt: instructions, taskType } })];
  return reference.steps.map((old) =>
    old.tool === "codegen" ? { ...old, inputs: { ...old.inputs, prompt: instructions, taskType } } : old,
  );
}

/** A step of our own making, with every default. */
function step(input: Pick<StepInput, "name" | "tool" | "inputs">): Step {
  return { ...DEFAULTS, ...input };
}

const DEFAULTS = StepSchema.parse({ name: "step", tool: "command" });

function shorten(text: string, length = limit("plan.goalLength")): string {
  const line = text.split("\n", 1)[0] ?? "";
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`;
}

function planStep(
  source: OrderedStep,
  /** Where the caller wrote it. */
  at: string,
  ordered: readonly OrderedStep[],
  project: PlanningProject,
  requires: Requirements | undefined,
): PlannedStep {
  const tool = findTool(source.tool);
  if (!tool) {
    throw new ControlPlaneError(
      "UNKNOWN_TOOL",
      `step "${source.name}" names the tool "${source.tool}", which does not exist`,
      {
        issues: [{ path: `${at}.tool`, message: "no such tool" }],
      },
    );
  }
  const inputs = check(tool.inputs, source.inputs ?? {}, `${at}.inputs`) as PlannedStep["inputs"];
  if (Buffer.byteLength(JSON.stringify(inputs)) > limit("step.inputsBytes")) {
    throw new ControlPlaneError(
      "VALIDATION_ERROR",
      `inputs of step "${source.name}" are larger than ${limit("step.inputsBytes")} bytes`,
      {
        issues: [{ path: `${at}.inputs`, message: "too large" }],
      },
    );
  }
  return {
    ...source,
    inputs,
    ...requirementsOf(source, inputs, requires, at),
    command: Object.hasOwn(project.commands, source.tool) ? CommandSchema.parse(project.commands[source.tool]) : null,
    environment: pick(project.env, source.envAllowed ?? []),
    gates: gatesBefore(source, ordered),
    key: sha256Hex(canonicalJson([project.id, source.name, source.tool, inputs])),
  };
}

/** What a step asks of its runner, and what its tool does: an agent must be there. */
function requirementsOf(
  source: OrderedStep,
  inputs: PlannedStep["inputs"],
  run: Requirements | undefined,
  at: string,
): { readonly requires?: Requirements } {
  const plays = source.tool === "codegen" && inputs["script"] !== undefined;
  const provider = plays ? "scripted" : agentProvider(source.tool);
  if (source.tool === "codegen") requireAgent(source, run, plays, at);
  const own = provider === undefined ? source.requires : { ...source.requires, provider };
  return run || own ? { requires: mergeRequirements(run, own) } : {};
}

/** A step that no runner could begin with would wait for ever. */
function requireAgent(
  { name, requires }: OrderedStep,
  run: Requirements | undefined,
  plays: boolean,
  at: string,
): void {
  const provider = requires?.provider ?? (plays ? undefined : run?.provider);
  if (provider === undefined) return;
  const isKnown = ProviderIdSchema.safeParse(provider).success;
  if (isKnown && (!plays || provider === "scripted")) return;
  const message = isKnown ? "does not play a script" : "is no agent";
  const path = requires?.provider === undefined ? "requires.provider" : `${at}.requires.provider`;
  throw new ControlPlaneError("VALIDATION_ERROR", `step "${name}" requires ${provider}, which ${message}`, {
    issues: [{ path, message }],
  });
}

function mergeRequirements(run: Requirements | undefined, own: Requirements | undefined): Requirements {
  const features = [...new Set([...(run?.features ?? []), ...(own?.features ?? [])])];
  const labels = { ...run?.labels, ...own?.labels };
  return {
    ...run,
    ...own,
    ...(features.length > 0 ? { features } : {}),
    ...(Object.keys(labels).length > 0 ? { labels } : {}),
  };
}

function pick(env: Readonly<Record<string, string>>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (Object.hasOwn(env, name) ? [[name, env[name] ?? ""]] : [])));
}

/** The manual gates that a step stands behind, directly or through others, as places in the order. */
function gatesBefore(source: OrderedStep, ordered: readonly OrderedStep[]): number[] {
  const before = new Set(source.needs);
  for (const candidate of ordered.toReversed()) {
    if (before.has(candidate.name)) for (const need of candidate.needs) before.add(need);
  }
  return ordered.flatMap((candidate, index) =>
    before.has(candidate.name) && findTool(candidate.tool)?.doneBy === "person" ? [index] : [],
  );
}
