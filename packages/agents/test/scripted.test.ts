import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { scriptedAdapter } from "../src/index.ts";
import { SCRIPTED_AGENT_VERSION, scriptedAgentArgv } from "../src/scripted-agent/index.ts";
import type { AgentScriptInput, ScriptStepInput } from "../src/scripted-agent/index.ts";
import { describeAgentContract, LONG_COMMAND } from "./agent-contract.ts";
import type { ContractLab, Task } from "./agent-contract.ts";
import { agentLab } from "./support/agent-lab.ts";

describeAgentContract({
  name: "scripted",
  makeLab,
  capabilities: scriptedAdapter.capabilities(SCRIPTED_AGENT_VERSION),
  variables: [],
});

/** The scripted agent has no model: what the tasks come to is in its script, and a prompt names a part of it. */
async function makeLab(): Promise<ContractLab> {
  const lab = await agentLab(scriptedAdapter, {
    program: { argv: scriptedAgentArgv(), version: SCRIPTED_AGENT_VERSION },
  });
  const turns: AgentScriptInput["turns"] = [{ steps: [{ do: "say", text: "no such task" }] }];
  // A session is started with what it will be asked, so tasks are known before: those of these tests are.
  for (const task of TASKS) turns.push({ when: nameOf(task), steps: stepsOf(task) });
  return {
    ...lab,
    heard: () => keptIn(join(lab.home, ".signalbox-scripted-agent")),
    hasHungUp: () => true,
    prompt: nameOf,
    start: (more = {}) => lab.start({ options: { script: JSON.stringify({ turns }) }, ...more }),
  };
}

const TASKS: readonly Task[] = [
  { task: "write", path: "a.txt", content: "hi\n" },
  { task: "write", path: "a.txt", content: "one\n" },
  { task: "write", path: "b.txt", content: "two\n" },
  { task: "plan", path: "a.txt", content: "hi\n" },
  { task: "run", command: LONG_COMMAND },
  { task: "run", command: "touch ran.txt" },
  { task: "run", command: "echo $$ > pid.txt; sleep 300" },
  { task: "ask", question: "Which colour?", options: ["red", "blue"] },
  { task: "slow" },
  { task: "think" },
  { task: "recall" },
  ...([401, 429, 500] as const).map((status) => ({ task: "fail", status }) as const),
  ...["still there", "back again", "and on", "remember me", "done", "fine"].map(
    (text) => ({ task: "say", text }) as const,
  ),
];

function keptIn(folder: string): string {
  return readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("");
}

function nameOf(task: Task): string {
  return `<${JSON.stringify(task)}>`;
}

function stepsOf(task: Task): ScriptStepInput[] {
  switch (task.task) {
    case "say":
      return [{ do: "say", text: task.text }];
    case "think":
      return [{ do: "think", text: "Let me think about it." }];
    case "write":
      return [
        { do: "say", text: `I write ${task.path}.` },
        { do: "write", path: task.path, text: task.content },
        { do: "usage", inputTokens: 2 * 1234, outputTokens: 2 * 56, cachedInputTokens: 2_000, cost: 0.01 },
        { do: "say", text: "That was it." },
      ];
    case "plan": {
      const entries = (statuses: readonly ["completed" | "in_progress", "completed" | "pending"]) =>
        statuses.map((status) => ({ text: "Do it", status }));
      return [
        { do: "plan", entries: entries(["in_progress", "pending"]) },
        { do: "write", path: task.path, text: task.content },
        { do: "plan", entries: entries(["completed", "completed"]) },
      ];
    }
    case "run":
      return [{ do: "run", argv: ["/bin/sh", "-c", task.command] }];
    case "ask":
      return [
        { do: "ask", question: task.question, options: [...task.options] },
        { do: "say", text: "The answer was {answer}." },
      ];
    case "slow":
      return [{ do: "say", text: "word ".repeat(600), pauseMs: 100 }];
    case "fail":
      return [{ do: "fail", message: `the model answered ${task.status}`, data: { status: task.status } }];
    case "recall":
      return [
        { do: "usage", inputTokens: 1234, outputTokens: 56 },
        { do: "say", text: "I was sent {earlier} earlier messages" },
      ];
  }
}
