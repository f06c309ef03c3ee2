import { lastTurn } from "./conversation.ts";
import type { ModelRequest, Turn } from "./conversation.ts";
import type { Dialect } from "./dialect.ts";
import { answer, DEFAULT_STUB_USAGE, piecesOf } from "./reply.ts";
import type { Answer, Reply, WireCall } from "./reply.ts";
import { scenarioIn } from "./scenario.ts";
import type { ModelStep, Scenario } from "./scenario.ts";
import { courseOf } from "./scenario-course.ts";
import { STUB_LIMITS } from "./stub-limits.ts";

/** What the stub decided to do with a request. */
export interface Played {
  readonly reply: Reply;
  /** Undefined for a request beside the conversation, such as for a title. */
  readonly scenario: Scenario["scenario"] | undefined;
  /** Which answer of the scenario it is, from 0. */
  readonly step: number;
  /** Why the scenario could not be played as it is written. */
  readonly problem: string | undefined;
}

/**
 * Decides what to answer from the request alone: the scenario that the last prompt names, and the results of its tools so
 * far. So sessions may run at once, agents may retry, and a resumed session goes on where it was.
 */
export function playRequest(dialect: Dialect, request: ModelRequest): Played {
  const turn = lastTurn(request.conversation);
  let scenario: Scenario | undefined;
  try {
    // What offers no tools is no turn of an agent, even when it repeats the prompt: a title, a route, a summary.
    scenario = request.tools.length === 0 ? undefined : scenarioIn(turn.prompt ?? "");
  } catch (error) {
    return refuse(`the scenario cannot be read: ${String(error)}`);
  }
  if (!scenario) return { reply: aside(request), scenario: undefined, step: 0, problem: undefined };
  return { scenario: scenario.scenario, ...play(scenario, dialect, request, turn) };
}

function play(scenario: Scenario, dialect: Dialect, request: ModelRequest, turn: Turn): Omit<Played, "scenario"> {
  if (scenario.scenario === "silence") return { reply: { kind: "silence" }, step: 0, problem: undefined };
  if (scenario.scenario === "error") {
    const { status, retryAfterS } = scenario;
    const message = `the scenario asks for the status ${status}`;
    return { reply: { kind: "refusal", status, message, retryAfterS }, step: 0, problem: undefined };
  }

  const course = courseOf(scenario);
  const steps = course.steps.flatMap((step) => playable(step, dialect, request) ?? []);
  const index = stepIndex(steps, turn.results.length);
  const step = steps[index];
  if (!step) return refuse(`the scenario has no answer ${index + 1}`, scenario.scenario, index);
  const missing = step.missing.length > 0 ? missingTools(step.missing, request) : undefined;
  const said = missing ?? fill(step.say ?? "", turn);
  const reply: Answer = {
    ...answer({ thought: step.think, pieces: piecesOf(said), calls: missing === undefined ? step.calls : [] }),
    usage: scenario.usage ?? DEFAULT_STUB_USAGE,
    intervalMs: course.intervalMs ?? 0,
    cutAfter: course.cutAfter,
  };
  return { reply, step: index, problem: missing };
}

interface PlayableStep {
  readonly think: string | undefined;
  readonly say: string | undefined;
  readonly calls: readonly WireCall[];
  /** What it needs a tool for that the agent does not offer. */
  readonly missing: readonly string[];
}

/** A step with the tools that this agent offers. Plans are optional: without a tool for them nothing is left of the step. */
function playable(
  { think, say, calls = [] }: ModelStep,
  dialect: Dialect,
  request: ModelRequest,
): PlayableStep | undefined {
  const found = calls.map((intent) => ({ intent, calls: dialect.callsFor(intent, request.tools) }));
  const dropped = found.filter(({ intent, calls }) => calls === undefined && intent.tool === "plan");
  if (dropped.length > 0 && dropped.length === calls.length) return undefined;
  return {
    think,
    say,
    calls: found.flatMap(({ calls }) => calls ?? []),
    missing: found.flatMap(({ intent, calls }) => (calls || intent.tool === "plan" ? [] : intent.tool)),
  };
}

/** Each step but the last is over when its calls have their results. */
function stepIndex(steps: readonly PlayableStep[], results: number): number {
  let left = results;
  let index = 0;
  for (; index < steps.length && left > 0; index++) left -= steps[index]?.calls.length ?? 0;
  return index;
}

/** What a text of a scenario may ask for, in braces: see `ModelStep`. */
function fill(text: string, { earlier, results }: Turn): string {
  const said = earlier.flatMap((item) => (item.kind === "user" || item.kind === "assistant" ? [item] : []));
  const values: Readonly<Record<string, string>> = {
    "{result}": quote(results.at(-1)?.text ?? "nothing"),
    "{earlier}": String(said.length),
    "{first}": quote(said.find((item) => item.kind === "user")?.text ?? "nothing"),
  };
  return text.replaceAll(/\{(?:result|earlier|first)\}/g, (name) => values[name] ?? name);
}

function quote(text: string): string {
  return text.slice(0, STUB_LIMITS["quote.length"].value);
}

function missingTools(wanted: readonly string[], { tools }: ModelRequest): string {
  return `The agent offers no tool to ${wanted.join(", ")}; it offers ${tools.map(({ name }) => name).join(", ")}.`;
}

/** Short, and never a call: routers take the JSON, and titles the text. */
function aside({ wantsJson }: ModelRequest): Reply {
  return answer({ pieces: wantsJson ? [ASIDE_JSON] : ["Model", " stub"] });
}

/** What the routers of known agents look for. */
const ASIDE_JSON = JSON.stringify({
  reasoning: "stub",
  model_choice: "flash",
  title: "Model stub",
  complexity_score: 1,
});

function refuse(message: string, scenario?: Scenario["scenario"], step = 0): Played {
  return { reply: { kind: "refusal", status: 400, message, retryAfterS: undefined }, scenario, step, problem: message };
}
