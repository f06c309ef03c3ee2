import type { ModelStep, Scenario } from "./scenario.ts";

/** The answers of a scenario, one after the other, and how they are sent. */
export interface Course {
  readonly steps: readonly ModelStep[];
  readonly intervalMs?: number;
  readonly cutAfter?: number;
}

/** What a scenario comes to. */
export function courseOf(scenario: Exclude<Scenario, { scenario: "error" | "silence" }>): Course {
  switch (scenario.scenario) {
    case "text":
      return { steps: [{ say: scenario.text }] };
    case "think":
      return { steps: [{ think: scenario.thought, say: scenario.text }] };
    case "write_file":
      return { steps: [writing(scenario), QUOTE] };
    case "run_command": {
      const { command, isEscalated = false } = scenario;
      return { steps: [{ say: `I run ${command}.`, calls: [{ tool: "run_command", command, isEscalated }] }, QUOTE] };
    }
    case "plan_and_write":
      return { steps: [planning(0), writing(scenario), planning(2), QUOTE] };
    case "ask": {
      const { question, options } = scenario;
      return { steps: [{ say: "I have a question.", calls: [{ tool: "ask", question, options }] }, QUOTE] };
    }
    case "slow": {
      const text = Array.from({ length: scenario.pieces }, (_, index) => `${index + 1} `).join("");
      return { steps: [{ say: text }], intervalMs: scenario.intervalMs };
    }
    case "cut":
      return { steps: [{ say: "cut ".repeat(scenario.pieces + 1) }], cutAfter: scenario.pieces };
    case "recall":
      return { steps: [{ say: "I was sent {earlier} earlier messages. The first was: {first}" }] };
    case "steps":
      return { steps: scenario.steps };
  }
}

const QUOTE: ModelStep = { say: "The tool answered: {result}" };

function writing({ path, content }: { readonly path: string; readonly content: string }): ModelStep {
  return { say: `I write ${path}.`, calls: [{ tool: "write_file", path, content }] };
}

const ENTRIES = ["Write the file", "Tell about it"] as const;

/** The plan with so many entries completed. */
function planning(completed: number): ModelStep {
  const entries = ENTRIES.map((text, index) => {
    if (index < completed) return { text, status: "completed" as const };
    return { text, status: index === completed ? ("in_progress" as const) : ("pending" as const) };
  });
  return {
    say: completed === 0 ? "I make a plan." : "The plan is done.",
    calls: [{ tool: "plan", entries, isUpdate: completed > 0 }],
  };
}
