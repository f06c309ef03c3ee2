import type { CodegenInputs } from "@signalbox/protocol";
import { dirname, extname } from "node:path";
import { fileURLToPath } from "node:url";
import * as z from "zod";

import { AGENT_TOOLS, type AgentJob, type ToolAnswer } from "../scripted-agent/agent-messages.ts";
import type { Agent, AgentEnd, AgentRequest } from "./agent.ts";
import { defaultScript } from "./default-script.ts";
import type { DrivenCommand, PlannedCommand, StepContext } from "./tool.ts";

const AgentMessageSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("say"), text: z.string() }),
  z.object({ type: z.literal("output"), stream: z.enum(["stdout", "stderr"]), bytes: z.base64() }),
  z.object({ type: z.literal("progress"), percent: z.number().min(0).max(100), message: z.string().optional() }),
  z.object({ type: z.literal("tool"), id: z.int(), name: z.enum(AGENT_TOOLS), detail: z.string() }),
  z.object({ type: z.literal("wrote"), path: z.string() }),
  z.object({ type: z.literal("failed"), message: z.string() }),
  z.object({ type: z.literal("done") }),
]);
type AgentMessage = z.infer<typeof AgentMessageSchema>;

/** Plays a script, or writes one document: it shows how a step with an agent runs, without one. */
export const scriptedAgent: Agent = {
  name: "scripted",
  capabilities: { playsScripts: true, thinks: false },
  async work(context, request) {
    const { inputs } = request;
    if (!inputs.script)
      await context.say(
        "signalbox: the scripted agent plays; no model is asked, and the document is made from the prompt alone\n",
      );
    const agent = await context.drive(planAgent(context));
    const job: AgentJob = { prompt: inputs.prompt, script: scriptOf(inputs) };
    agent.send(JSON.stringify(job));
    const end = await listen(context, request, agent);
    agent.stop();
    await agent.ended;
    return end;
  },
};

/** Where the agent's few files are seen inside a sandbox. */
const FOLDER_INSIDE = "/run/scripted-agent";
const EXTENSION = extname(import.meta.url);
const MAIN = fileURLToPath(new URL(`../scripted-agent/main${EXTENSION}`, import.meta.url));

function planAgent({ isEnclosed }: StepContext): PlannedCommand {
  if (!isEnclosed) return { argv: ["node", MAIN] };
  return {
    argv: ["node", `${FOLDER_INSIDE}/main${EXTENSION}`],
    readOnlyBinds: [{ source: dirname(MAIN), target: FOLDER_INSIDE }],
  };
}

function scriptOf(inputs: CodegenInputs): AgentJob["script"] {
  return inputs.script ?? defaultScript(inputs);
}

async function listen(context: StepContext, { mayUse }: AgentRequest, agent: DrivenCommand): Promise<AgentEnd> {
  const written: string[] = [];
  for await (const line of agent.lines) {
    const message = parseMessage(line);
    // A line that is none of ours is output like any other.
    if (!message) await context.say(`${line}\n`, "stdout");
    else if (message.type === "wrote") written.push(message.path);
    else if (message.type === "done") return { outcome: "done", written };
    else if (message.type === "failed") return { outcome: "failed", message: message.message, written };
    else if (message.type === "tool") {
      const isAllowed = mayUse(message.name);
      await context.say(`signalbox: ${message.name} ${message.detail}${isAllowed ? "" : " is not allowed"}\n`);
      if (!isAllowed)
        return {
          outcome: "refused",
          message: `the agent wanted to use ${message.name}, which the step does not allow`,
          written,
        };
      const answer: ToolAnswer = { type: "tool_answer", id: message.id, isAllowed };
      agent.send(JSON.stringify(answer));
    } else await pass(context, message);
  }
  return { outcome: "broken", message: "the agent ended without a word", written };
}

async function pass(
  context: StepContext,
  message: Extract<AgentMessage, { type: "say" | "output" | "progress" }>,
): Promise<void> {
  if (message.type === "say") await context.say(`${message.text}\n`, "stdout");
  else if (message.type === "output") await context.say(Buffer.from(message.bytes, "base64"), message.stream);
  else context.progress(message.percent, message.message);
}

function parseMessage(line: string): AgentMessage | undefined {
  try {
    return AgentMessageSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
