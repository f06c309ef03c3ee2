import { randomUUID } from "node:crypto";
import type { ElicitationContentValue, SessionUpdate } from "@agentclientprotocol/sdk";
import { playHostStep } from "./host-steps.ts";
import type { ScriptStep, ScriptStepOf } from "@signalbox/protocol/agent-script";
import { useTool } from "./use-tool.ts";
import { TurnEnd } from "./turn.ts";
import type { Turn } from "./turn.ts";

/** Plays steps one after the other, and after each what it leads to. */
export async function playSteps(steps: readonly ScriptStep[], turn: Turn): Promise<void> {
  for (const step of steps) {
    turn.signal.throwIfAborted();
    await playSteps(await playStep(step, turn), turn);
  }
}

/** Plays one step; answers what comes after it. */
async function playStep(step: ScriptStep, turn: Turn): Promise<readonly ScriptStep[]> {
  switch (step.do) {
    case "say":
      await say(step, turn);
      return [];
    case "think":
      await turn.tell(chunk("agent_thought_chunk", turn.fill(step.text)));
      return [];
    case "plan":
      await plan(step, turn);
      return [];
    case "usage":
      await tellUsage(step, turn);
      return [];
    case "end":
      throw new TurnEnd(step.reason);
    case "ignore_cancel":
      turn.ignoreCancel();
      return [];
    case "ask":
      return ask(step, turn);
    case "write":
    case "delete":
    case "run":
    case "tool":
      return useTool(step, turn);
    case "flood":
      if (step.as === "words") await floodWords(step.bytes, turn);
      else await playHostStep(step, stageOf(turn));
      return [];
    case "wait":
    case "fail":
    case "hang":
    case "ignore_end":
    case "garbage":
    case "frame":
    case "stderr":
    case "close_output":
    case "stray":
    case "crash":
      await playHostStep(step, stageOf(turn));
      return [];
  }
}

function stageOf(turn: Turn): Parameters<typeof playHostStep>[1] {
  return { host: turn.host, cwd: turn.session.cwd, wait: (ms) => turn.wait(ms) };
}

function chunk(
  sessionUpdate: "agent_message_chunk" | "agent_thought_chunk",
  text: string,
  messageId = randomUUID(),
): SessionUpdate {
  return { sessionUpdate, messageId, content: { type: "text", text } };
}

/** What was said is kept also when a cancel comes in the middle of it. */
async function say({ text, pauseMs }: ScriptStepOf<"say">, turn: Turn): Promise<void> {
  const messageId = randomUUID();
  let said = "";
  try {
    for (const word of turn.fill(text).match(/\s*\S+\s*/g) ?? []) {
      if (said !== "") await turn.wait(pauseMs);
      await turn.tell(chunk("agent_message_chunk", word, messageId));
      said += word;
    }
  } finally {
    turn.keep(chunk("agent_message_chunk", said, messageId));
  }
}

async function plan({ entries }: ScriptStepOf<"plan">, turn: Turn): Promise<void> {
  const update: SessionUpdate = {
    sessionUpdate: "plan",
    entries: entries.map(({ text, status }) => ({ content: turn.fill(text), status, priority: "medium" })),
  };
  await turn.tell(update);
  turn.keep(update);
}

async function tellUsage(step: ScriptStepOf<"usage">, turn: Turn): Promise<void> {
  const { inputTokens, outputTokens, cachedInputTokens, cost, contextTokens, contextWindow } = step;
  turn.session.usage = {
    inputTokens,
    outputTokens,
    cachedReadTokens: cachedInputTokens,
    totalTokens: inputTokens + outputTokens,
  };
  await turn.tell({
    sessionUpdate: "usage_update",
    used: contextTokens,
    size: contextWindow,
    ...(cost === undefined ? {} : { cost: { amount: cost, currency: "USD" } }),
  });
}

const FLOOD_PIECE = "flood ".repeat(170);

async function floodWords(bytes: number, turn: Turn): Promise<void> {
  const messageId = randomUUID();
  for (let left = bytes; left > 0; left -= FLOOD_PIECE.length) {
    await turn.tell(chunk("agent_message_chunk", FLOOD_PIECE.slice(0, left), messageId));
  }
}

/** The answer is one of the options, or `declined`, `cancelled`, or `unavailable` where nobody can be asked. */
async function ask(step: ScriptStepOf<"ask">, turn: Turn): Promise<readonly ScriptStep[]> {
  turn.lastAnswer = turn.canAsk ? await answerTo(step, turn) : "unavailable";
  // A record that came as JSON: what is not its own is none of its cases.
  return Object.hasOwn(step.cases, turn.lastAnswer) ? (step.cases[turn.lastAnswer] ?? []) : [];
}

async function answerTo({ question, options }: ScriptStepOf<"ask">, turn: Turn): Promise<string> {
  const answer = {
    type: "string" as const,
    title: "Answer",
    oneOf: options.map((label) => ({ const: label, title: label })),
  };
  const response = await turn.unlessCancelled(
    turn.client.request("elicitation/create", {
      mode: "form",
      sessionId: turn.session.id,
      message: turn.fill(question),
      requestedSchema: { type: "object", properties: { answer }, required: ["answer"] },
    }),
  );
  if (response.action === "decline") return "declined";
  if (response.action !== "accept") return "cancelled";
  // An accepted form has its content, whatever the unknown variants of the type say.
  const { content } = response as { content?: Record<string, ElicitationContentValue> | null };
  return String(content?.["answer"] ?? "declined");
}
