import { readFile } from "node:fs/promises";
import { basename, resolve } from "node:path";

import {
  CreateRunRequestSchema,
  findTool,
  PlanSchema,
  StepSchema,
  TOOLS,
  type CreateRunInput,
  type PlanInput,
  type StepInput,
} from "@signalbox/protocol";
import { isMap, isNode, isPair, isScalar, LineCounter, parseDocument, type Document, type Node } from "yaml";

import { CommandError, usageError } from "./errors.ts";
import { closest, didYouMean } from "./text/closest.ts";

/** Where a mistake in a plan stands, and what it is. */
export interface PlanIssue {
  readonly line: number;
  readonly column: number;
  /** In words of the plan: `steps[2] "test": needs`. */
  readonly field: string;
  readonly message: string;
}

const MOST_ISSUES = 10;
const LARGEST_FILE = 1_048_576;

/** Reads a plan, or a whole request with a plan in it, from YAML or JSON; `-` is stdin. Refuses with every mistake and its place. */
export async function readPlanFile(
  path: string,
  cwd: string,
  stdin: AsyncIterable<Buffer | string>,
): Promise<CreateRunInput> {
  const name = path === "-" ? "stdin" : path;
  const text = path === "-" ? await readAll(stdin) : await readText(resolve(cwd, path), path);
  return parsePlan(text, name);
}

/** Reads a plan from a text; `name` is what it is called in messages. */
export function parsePlan(text: string, name: string): CreateRunInput {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const [mistake] = document.errors;
  if (mistake) {
    const { line, col } = lines.linePos(mistake.pos[0]);
    throw refusal(name, text, [{ line, column: col, field: "", message: mistake.message }]);
  }
  const value = readValue(document, name);
  if (value === null || value === undefined) throw usageError(`${name} is empty`, PLAN_HINT);
  const isPlan = typeof value === "object" && "steps" in value;
  const issues = isPlan ? planIssues(value, PlanSchema, []) : planIssues(value, CreateRunRequestSchema, ["plan"]);
  if (issues.length > 0)
    throw refusal(
      name,
      text,
      issues.map((issue) => placed(issue, document, lines)),
    );
  return isPlan ? { plan: value as PlanInput } : (value as CreateRunInput);
}

const PLAN_HINT = "a plan has a goal and steps; there are some in examples/";

function readValue(document: Document, name: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    // An alias without its anchor, or aliases of aliases that would fill the memory.
    if (error instanceof ReferenceError) throw usageError(`${name} is not right: ${lowerFirst(error.message)}`);
    throw error;
  }
}

interface RawIssue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** The issue is about this key of what stands at the path. */
  readonly key?: string;
}

interface Schema {
  safeParse(value: unknown): { error?: { issues: readonly ZodIssue[] } | undefined };
}

interface ZodIssue {
  readonly code?: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
}

function planIssues(value: unknown, schema: Schema, planPath: readonly string[]): RawIssue[] {
  const issues = (schema.safeParse(value).error?.issues ?? []).flatMap(toRawIssues);
  if (issues.length > 0) return issues;
  const plan = planPath.length === 0 ? value : (value as { plan?: unknown }).plan;
  return plan === undefined ? [] : meaningIssues((plan as PlanInput).steps, [...planPath, "steps"]);
}

function toRawIssues(issue: ZodIssue): RawIssue[] {
  if (issue.code !== "unrecognized_keys") return [{ path: issue.path, message: lowerFirst(issue.message) }];
  const known = isStepPath(issue.path) ? Object.keys(StepSchema.out.shape) : KNOWN_AT_TOP;
  return (issue.keys ?? []).map((key) => ({
    path: issue.path,
    key,
    message: `there is no field "${key}" here${didYouMean(key, known)}`,
  }));
}

const KNOWN_AT_TOP = ["goal", "steps", ...Object.keys(CreateRunRequestSchema.shape)];

function isStepPath(path: readonly PropertyKey[]): boolean {
  return path.at(-2) === "steps" && typeof path.at(-1) === "number";
}

/** What the shapes cannot say: tools and steps that are not there, and inputs that a tool does not take. */
function meaningIssues(steps: readonly StepInput[], path: readonly PropertyKey[]): RawIssue[] {
  const names = steps.map((step) => step.name);
  return steps.flatMap((step, index) => {
    const at = [...path, index];
    const twice =
      names.indexOf(step.name) < index
        ? [{ path: [...at, "name"], message: `another step is called "${step.name}" already` }]
        : [];
    const needs = (step.needs ?? []).flatMap((need, at_) =>
      names.includes(need)
        ? []
        : [{ path: [...at, "needs", at_], message: `no step is called "${need}"${didYouMean(need, names)}` }],
    );
    return [...twice, ...needs, ...toolIssues(step, at)];
  });
}

function toolIssues(step: StepInput, at: readonly PropertyKey[]): RawIssue[] {
  const tool = findTool(step.tool);
  if (!tool) return [{ path: [...at, "tool"], message: `there is no tool "${step.tool}"${meantTool(step.tool)}` }];
  const issues = tool.inputs.safeParse(step.inputs ?? {}).error?.issues ?? [];
  return (issues as readonly ZodIssue[])
    .flatMap(toRawIssues)
    .map((issue) => ({ ...issue, path: [...at, "inputs", ...issue.path] }));
}

function meantTool(tool: string): string {
  const meant = closest(tool, Object.keys(TOOLS));
  return meant === undefined
    ? `; there are ${Object.keys(TOOLS)
        .map((name) => (name.endsWith(":") ? `${name}<name>` : name))
        .join(", ")}`
    : `; did you mean "${meant}"?`;
}

function placed(issue: RawIssue, document: Document, lines: LineCounter): PlanIssue {
  const offset = keyOffset(document, issue) ?? offsetOf(document, issue.path);
  const { line, col } = lines.linePos(offset);
  const message = issue.message;
  return { line, column: col, field: fieldWords(issue, document), message };
}

function keyOffset(document: Document, { path, key }: RawIssue): number | undefined {
  const node = nodeAt(document, path);
  if (key === undefined || !isMap(node)) return undefined;
  const pair = node.items.find((item) => isScalar(item.key) && item.key.value === key);
  return isPair(pair) && isNode(pair.key) ? pair.key.range?.[0] : undefined;
}

/** Of the thing itself, or of the nearest thing around it where a field is missing. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  for (let length = path.length; length >= 0; length--) {
    const node = nodeAt(document, path.slice(0, length));
    if (node?.range) return node.range[0];
  }
  return 0;
}

function nodeAt(document: Document, path: readonly PropertyKey[]): Node | undefined {
  if (path.length === 0) return document.contents ?? undefined;
  const node: unknown = document.getIn(path, true) ?? document.getIn(path.map(snakeCase), true);
  return isNode(node) ? node : undefined;
}

/** A plan may spell `toolsAllowed` as `tools_allowed`; what is said about it then must be found there. */
function snakeCase(part: PropertyKey): PropertyKey {
  return typeof part === "string" ? part.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) : part;
}

function fieldWords({ path }: RawIssue, document: Document): string {
  const stepAt = path.indexOf("steps");
  const index = path[stepAt + 1];
  if (stepAt < 0 || typeof index !== "number") return path.map(String).join(".");
  const name: unknown = document.getIn([...path.slice(0, stepAt + 2), "name"]);
  const step = typeof name === "string" ? `step "${name}"` : `step ${index + 1}`;
  const rest = path
    .slice(stepAt + 2)
    .map(String)
    .join(".");
  return rest === "" ? step : `${step}, ${rest}`;
}

function refusal(name: string, text: string, issues: readonly PlanIssue[]): CommandError {
  const sorted = [...issues].sort((a, b) => a.line - b.line || a.column - b.column);
  const shown = sorted.slice(0, MOST_ISSUES).map((issue) => describe(name, text, issue));
  const more = sorted.length > MOST_ISSUES ? [`and ${sorted.length - MOST_ISSUES} more`] : [];
  return new CommandError([`${basename(name)} is not right`, ...shown, ...more].join("\n"), {
    exit: "usage",
    code: "INVALID_PLAN",
    details: { file: name, issues: sorted },
  });
}

function describe(name: string, text: string, { line, column, field, message }: PlanIssue): string {
  const source = (text.split("\n")[line - 1] ?? "").replace(/\r$/, "");
  const place = `${name}:${line}:${column}: ${field === "" ? "" : `${field}: `}${message}`;
  if (source.trim() === "" || source.length > 160) return `  ${place}`;
  const gutter = String(line);
  return [
    `  ${place}`,
    `    ${gutter} | ${source}`,
    `    ${" ".repeat(gutter.length)} | ${" ".repeat(column - 1)}^`,
  ].join("\n");
}

async function readText(file: string, path: string): Promise<string> {
  try {
    const text = await readFile(file, "utf8");
    if (text.length > LARGEST_FILE) throw usageError(`${path} is larger than a plan may be (1 MiB)`);
    return text;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT")
      throw usageError(
        `there is no file ${path}`,
        "to run words instead of a plan use --prompt, --command or --instructions",
      );
    if (code === "EISDIR") throw usageError(`${path} is a folder, not a plan`);
    if (code === "EACCES") throw usageError(`${path} may not be read`);
    throw error;
  }
}

async function readAll(stdin: AsyncIterable<Buffer | string>): Promise<string> {
  let text = "";
  for await (const piece of stdin) {
    text += String(piece);
    if (text.length > LARGEST_FILE) throw usageError("what came on stdin is larger than a plan may be (1 MiB)");
  }
  return text;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
