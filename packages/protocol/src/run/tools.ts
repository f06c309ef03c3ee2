import * as z from "zod";

import { ApproversSchema } from "../access/decision-rule.ts";
import { limit } from "../limits.ts";
import { type ProviderId, ProviderIdSchema } from "../provider.ts";
import { ScriptStepSchema } from "../session/agent-script.ts";
import { PublishInputsSchema } from "../session/publication.ts";
import { ModelNameSchema, PERMISSION_MODES, SESSION_MODES } from "../session/session-modes.ts";
import { TerminalSizeSchema } from "../session/terminal-size.ts";
import { BudgetSchema } from "../session/usage.ts";
import { WorkspacePathSchema } from "./workspace-path.ts";

/** Environment entries: names as POSIX has them, values without NUL. */
export const EnvironmentSchema = z
  .record(EnvNameSchema(), z.string().max(limit("env.valueLength")).refine(hasNoNul, "must not hold NUL"))
  .refine((env) => Object.keys(env).length <= limit("env.entries"), `has more than ${limit("env.entries")} entries`);
export type Environment = z.infer<typeof EnvironmentSchema>;

/** A program with arguments, or a text for `/bin/sh -c`; exactly one of the two. */
export const CommandSchema = z
  .strictObject({
    argv: z.array(argument()).min(1).max(limit("command.arguments")).optional(),
    shell: argument().min(1).optional(),
    cwd: WorkspacePathSchema.optional(),
    env: EnvironmentSchema.optional(),
    stdin: z.string().max(limit("step.inputsBytes")).optional(),
    /** Runs it in a terminal of this size, which can be watched and typed into; its output is the stream `terminal`. */
    terminal: TerminalSizeSchema.optional(),
  })
  .refine(({ stdin, terminal }) => stdin === undefined || !terminal, "reads either stdin or a terminal")
  .refine((command) => (command.argv === undefined) !== (command.shell === undefined), "needs either argv or shell");
export type Command = z.infer<typeof CommandSchema>;

/** A check that the project itself defines; `argv` or `shell` replaces what would be found. */
export const CheckInputsSchema = z.strictObject({
  argv: z.array(argument()).min(1).max(limit("command.arguments")).optional(),
  shell: argument().min(1).optional(),
  cwd: WorkspacePathSchema.optional(),
});
export type CheckInputs = z.infer<typeof CheckInputsSchema>;

/** What a person is asked at a manual gate, who may answer, and until when. */
export const ManualGateInputsSchema = z.strictObject({
  description: z.string().max(limit("gate.noteLength")).optional(),
  /** Narrows those of the project, where that names some. */
  approvers: ApproversSchema.optional(),
  expiresInMs: z
    .int()
    .min(1_000)
    .max(limit("gate.expiresMs") * 52)
    .optional(),
});
export type ManualGateInputs = z.infer<typeof ManualGateInputsSchema>;

/** What an agent is asked to do. With `script`, the scripted agent plays these steps as its turn instead. */
export const CodegenInputsSchema = z
  .strictObject({
    prompt: z.string().trim().min(1).max(limit("prompt.length")),
    filePath: WorkspacePathSchema.optional(),
    taskType: z.string().max(50).optional(),
    /** Default the agent's own choice. */
    model: ModelNameSchema.optional(),
    budget: BudgetSchema.optional(),
    script: z.array(ScriptStepSchema).min(1).max(1_000).optional(),
  })
  .refine(({ prompt, filePath }) => codegenTask(prompt, filePath).length <= limit("prompt.length"), {
    path: ["prompt"],
    message: `is, together with filePath, longer than ${limit("prompt.length")} characters`,
  });
export type CodegenInputs = z.infer<typeof CodegenInputsSchema>;

/** What the agent of a `codegen` step is told. */
export function codegenTask(prompt: string, filePath: string | undefined): string {
  return filePath === undefined ? prompt : `Put the result into the file ${filePath}.\n\n${prompt}`;
}

/** Inputs of a command that the project configures; each reaches it as `SIGNALBOX_INPUT_<NAME>`. */
export const ConfiguredInputsSchema = z.record(
  z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/, "must be a word"),
  z.json(),
);
export type ConfiguredInputs = z.infer<typeof ConfiguredInputsSchema>;

/** What an agent's session is opened with; the rest of what is said to it comes later. */
export const AgentInputsSchema = z.strictObject({
  task: z.string().trim().min(1).max(limit("prompt.length")),
  title: z.string().trim().min(1).max(200).optional(),
  mode: z.enum(SESSION_MODES).default("task"),
  model: ModelNameSchema.optional(),
  permissions: z.enum(PERMISSION_MODES).default("ask"),
  budget: BudgetSchema.optional(),
  terminal: TerminalSizeSchema.optional(),
  inactivityMs: z.int().min(1).optional(),
  approvalTimeoutMs: z.int().min(1).optional(),
  /** What the scripted agent plays. */
  script: z.string().max(limit("step.inputsBytes")).optional(),
});
export type AgentInputs = z.infer<typeof AgentInputsSchema>;

export const PullRequestInputsSchema = z.strictObject({
  title: z.string().max(200).optional(),
  body: z.string().max(limit("prompt.length")).optional(),
});
export type PullRequestInputs = z.infer<typeof PullRequestInputsSchema>;

/** What a tool is: where its inputs come from and who carries it out. */
export interface ToolDefinition {
  readonly meaning: string;
  readonly inputs: z.ZodType;
  /** `runner`: a machine of the fleet does it. `person`: somebody decides. */
  readonly doneBy: "runner" | "person";
  /** The control plane alone writes steps with it. */
  readonly isOwn?: true;
}

const CHECK = { inputs: CheckInputsSchema, doneBy: "runner" } as const;

/** Every tool by name; a name that ends in `:` is a family whose second part the project chooses. */
export const TOOLS = {
  command: { meaning: "Runs a program or a shell text.", inputs: CommandSchema, doneBy: "runner" },
  codegen: {
    meaning: "Opens a session in which an agent works on a prompt.",
    inputs: CodegenInputsSchema,
    doneBy: "runner",
  },
  "agent:": {
    meaning: "Opens a session in which an agent works on a task.",
    inputs: AgentInputsSchema,
    doneBy: "runner",
  },
  "gate:typecheck": { meaning: "Runs the project's type check.", ...CHECK },
  "gate:test": { meaning: "Runs the project's tests.", ...CHECK },
  "gate:lint": { meaning: "Runs the project's linter.", ...CHECK },
  "gate:security": { meaning: "Audits the project's dependencies.", ...CHECK },
  "gate:manual": { meaning: "Waits for a person's decision.", inputs: ManualGateInputsSchema, doneBy: "person" },
  changes: {
    meaning: "Takes the diff of what the run has changed, for whoever decides at a gate behind it.",
    inputs: z.strictObject({}),
    doneBy: "runner",
  },
  "pull-request": {
    meaning: "Puts the changes on a branch and proposes them: behind an approval, or by the project's command.",
    inputs: PullRequestInputsSchema,
    doneBy: "runner",
  },
  publish: {
    meaning: "Pushes what an agent changed to a branch, and opens a pull request; only behind an approval.",
    inputs: PublishInputsSchema,
    doneBy: "runner",
    isOwn: true,
  },
  "deploy:": {
    meaning: "Runs the command that the project configures for an environment.",
    inputs: ConfiguredInputsSchema,
    doneBy: "runner",
  },
  "backup:": {
    meaning: "Runs the command that the project configures for a backup.",
    inputs: ConfiguredInputsSchema,
    doneBy: "runner",
  },
} as const satisfies Record<string, ToolDefinition>;

/** The definition of a tool, or undefined when there is no such tool. */
export function findTool(tool: string): ToolDefinition | undefined {
  if (Object.hasOwn(TOOLS, tool) && !tool.endsWith(":")) return TOOLS[tool as keyof typeof TOOLS];
  if (agentProvider(tool) !== undefined) return TOOLS["agent:"];
  const family = /^([a-z]+:)[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.exec(tool)?.[1];
  return family === "deploy:" || family === "backup:" ? TOOLS[family] : undefined;
}

/** The provider of a tool `agent:<provider>`, or undefined for any other tool. */
export function agentProvider(tool: string): ProviderId | undefined {
  if (!tool.startsWith("agent:")) return undefined;
  return ProviderIdSchema.safeParse(tool.slice("agent:".length)).data;
}

/** Whether an agent carries a tool out: its step is the work of a session. */
export function isAgentTool(tool: string): boolean {
  return tool === "codegen" || agentProvider(tool) !== undefined;
}

/** Whether a tool runs the command that the project configures under the tool's name. */
export function isConfiguredTool(tool: string): boolean {
  return tool.startsWith("deploy:") || tool.startsWith("backup:");
}

/** The name of an environment entry. */
export function EnvNameSchema(): z.ZodString {
  return z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, "must be a name of letters, digits and '_'");
}

function argument(): z.ZodString {
  return z.string().max(limit("command.length")).refine(hasNoNul, "must not hold NUL");
}

function hasNoNul(text: string): boolean {
  return !text.includes("\u0000");
}
