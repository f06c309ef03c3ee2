import * as z from "zod";
import { STUB_LIMITS } from "./stub-limits.ts";

const TextSchema = z.string().max(1_000_000);

/** What the model is to do with a tool, in words of no agent; each dialect has its agent's tool for it. */
export const ToolIntentSchema = z.discriminatedUnion("tool", [
  z.strictObject({ tool: z.literal("write_file"), path: z.string().min(1), content: TextSchema }),
  z.strictObject({
    tool: z.literal("run_command"),
    command: z.string().min(1),
    /** Codex only: ask to run it outside the sandbox, which always needs an approval. */
    isEscalated: z.boolean().optional(),
  }),
  z.strictObject({
    tool: z.literal("plan"),
    entries: z
      .array(z.strictObject({ text: z.string(), status: z.enum(["pending", "in_progress", "completed"]) }))
      .min(1),
    /** Whether a plan with the same entries was made before. */
    isUpdate: z.boolean().optional(),
  }),
  z.strictObject({
    tool: z.literal("ask"),
    question: z.string().min(1),
    options: z.array(z.string().min(1)).min(2).max(4),
  }),
  /** A tool by the agent's own name. */
  z.strictObject({ tool: z.literal("native"), name: z.string().min(1), input: z.json() }),
]);
export type ToolIntent = z.infer<typeof ToolIntentSchema>;

/**
 * One answer of the model: what it thinks, says and calls, in this order. In what it says, `{result}` stands for what the
 * last tool answered, `{earlier}` for the number of messages before the prompt, `{first}` for the first that a user said.
 */
export const ModelStepSchema = z.strictObject({
  think: TextSchema.optional(),
  say: TextSchema.optional(),
  calls: z.array(ToolIntentSchema).max(16).optional(),
});
export type ModelStep = z.infer<typeof ModelStepSchema>;

/** The tokens that an answer says it took. `input` counts those of `cached` too, `output` those of `reasoning`. */
export const StubUsageSchema = z.strictObject({
  input: z.int().min(0),
  cached: z.int().min(0),
  output: z.int().min(0),
  reasoning: z.int().min(0),
});
export type StubUsage = z.infer<typeof StubUsageSchema>;

const common = {
  /** Default: `DEFAULT_STUB_USAGE`, for every answer. */
  usage: StubUsageSchema.optional(),
};

/** What the model does in a turn. A prompt names one with a marker: `stubPrompt` writes it. */
export const ScenarioSchema = z.discriminatedUnion("scenario", [
  /** Says a text, in pieces. */
  z.strictObject({ ...common, scenario: z.literal("text"), text: TextSchema.default("Hello from the model stub.") }),
  /** Thinks, then says a text. */
  z.strictObject({
    ...common,
    scenario: z.literal("think"),
    thought: TextSchema.default("Let me think about it."),
    text: TextSchema.default("I have thought about it."),
  }),
  /** Writes a file, then says what the tool answered. */
  z.strictObject({
    ...common,
    scenario: z.literal("write_file"),
    path: z.string().min(1),
    content: TextSchema,
  }),
  /** Runs a command, then says what the tool answered. */
  z.strictObject({
    ...common,
    scenario: z.literal("run_command"),
    command: z.string().min(1),
    isEscalated: z.boolean().optional(),
  }),
  /** Makes a plan of two entries, writes a file, completes the plan. Without a tool for plans, only writes the file. */
  z.strictObject({
    ...common,
    scenario: z.literal("plan_and_write"),
    path: z.string().min(1),
    content: TextSchema,
  }),
  /** Asks the user a question, then repeats the answer. */
  z.strictObject({
    ...common,
    scenario: z.literal("ask"),
    question: z.string().min(1).default("Which colour?"),
    options: z.array(z.string().min(1)).min(2).max(4).default(["red", "blue"]),
  }),
  /** Says a text slowly, so that it can be interrupted. */
  z.strictObject({
    ...common,
    scenario: z.literal("slow"),
    pieces: z.int().min(1).max(STUB_LIMITS["pieces.max"].value).default(100),
    intervalMs: z.int().min(0).max(STUB_LIMITS["interval.ms"].value).default(100),
  }),
  /** Takes the request and never answers. */
  z.strictObject({ ...common, scenario: z.literal("silence") }),
  /** Refuses every request with an HTTP status. */
  z.strictObject({
    ...common,
    scenario: z.literal("error"),
    status: z.int().min(400).max(599),
    /** Seconds, as `retry-after` says them. */
    retryAfterS: z.int().min(0).optional(),
  }),
  /** Says some pieces of a text, then cuts the connection. */
  z.strictObject({ ...common, scenario: z.literal("cut"), pieces: z.int().min(0).max(1_000).default(2) }),
  /** Says how many messages it was sent before this prompt, and what the first of them was. */
  z.strictObject({ ...common, scenario: z.literal("recall") }),
  /** Any other course: one answer after the other, each after the results of the one before. */
  z.strictObject({ ...common, scenario: z.literal("steps"), steps: z.array(ModelStepSchema).min(1).max(100) }),
]);
export type Scenario = z.infer<typeof ScenarioSchema>;

/** A scenario as it is written down: what has a default may be left out. */
export type ScenarioInput = z.input<typeof ScenarioSchema>;

/** A prompt that makes the model stub play a scenario, whichever agent it goes through; `words` stand before the marker. */
export function stubPrompt(scenario: ScenarioInput, words = "Do as the marker says."): string {
  return `${words} ${MARKER}${JSON.stringify(ScenarioSchema.parse(scenario))}${END}`;
}

/**
 * The scenario that a text names, the last of several: undefined without a marker. Throws when no marker can be read, or
 * when the last that can holds no scenario.
 */
export function scenarioIn(text: string): Scenario | undefined {
  const last = text.lastIndexOf(MARKER);
  // One that cannot be read may stand within the JSON of the one before it.
  for (let from = last; from >= 0; from = from === 0 ? -1 : text.lastIndexOf(MARKER, from - 1)) {
    const value = jsonAt(text, from + MARKER.length);
    if (value !== undefined) return ScenarioSchema.parse(value);
  }
  if (last < 0) return undefined;
  throw new SyntaxError(`the scenario is no JSON: ${text.slice(last, last + 200)}`);
}

/** The JSON from a place to an end that makes it whole: an end may also stand within it, in a string. */
function jsonAt(text: string, start: number): unknown {
  for (let end = text.indexOf(END, start); end >= 0; end = text.indexOf(END, end + 1)) {
    const value = parsed(text.slice(start, end));
    if (value !== undefined) return value;
  }
  return undefined;
}

const MARKER = "[[model-stub ";
const END = "]]";

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
