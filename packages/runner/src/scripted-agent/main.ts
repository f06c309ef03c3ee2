// The scripted agent: plays a job that the runner writes to its standard input. It runs inside the step's sandbox, as its
// own process, with nothing but Node: what it may do there, any other agent may do too.
import { spawn } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

import type { AgentJob, AgentMessage, AgentTool, ToolAnswer } from "./agent-messages.ts";

type Action = AgentJob["script"][number];

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
let asked = 0;

await play((await readLine()) as AgentJob);
process.stdin.destroy();

async function play({ script }: AgentJob): Promise<void> {
  for (const action of script) {
    const failure = await act(action);
    if (failure !== undefined) return tell({ type: "failed", message: failure });
  }
  return tell({ type: "done" });
}

/** Carries out one action; answers why it failed. */
async function act(action: Action): Promise<string | undefined> {
  switch (action.do) {
    case "say":
      await tell({ type: "say", text: action.text });
      return undefined;
    case "progress":
      await tell({
        type: "progress",
        percent: action.percent,
        ...(action.message === undefined ? {} : { message: action.message }),
      });
      return undefined;
    case "wait":
      await sleep(action.ms);
      return undefined;
    case "fail":
      return action.message;
    case "write":
      return withTool("write_file", action.path, () => write(action.path, action.text));
    case "delete":
      return withTool("delete_file", action.path, () => rm(action.path, { recursive: true, force: true }));
    case "run":
      return withTool("run_command", action.argv.join(" "), () => run(action.argv));
  }
}

async function withTool(
  name: AgentTool,
  detail: string,
  use: () => Promise<string | void>,
): Promise<string | undefined> {
  const id = ++asked;
  await tell({ type: "tool", id, name, detail });
  const answer = (await readLine()) as ToolAnswer;
  if (answer.id !== id || !answer.isAllowed) return `the tool ${name} is not allowed`;
  try {
    return (await use()) ?? undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  await tell({ type: "wrote", path });
}

async function run(argv: readonly string[]): Promise<string | undefined> {
  const [program = "", ...args] = argv;
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<string | undefined>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) =>
      resolve(code === 0 ? undefined : `${program} ended with ${code === null ? signal : `exit code ${code}`}`),
    );
  });
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].on("data", (chunk: Buffer) => void tell({ type: "output", stream, bytes: chunk.toString("base64") }));
  }
  return ended;
}

/** Resolves when the line has left, so that an agent that ends has said everything. */
function tell(message: AgentMessage): Promise<void> {
  return new Promise((resolve) => process.stdout.write(`${JSON.stringify(message)}\n`, () => resolve()));
}

/** The runner is trusted: it is who started this. */
async function readLine(): Promise<unknown> {
  const { value, done } = await lines.next();
  if (done) process.exit(1);
  return JSON.parse(value) as unknown;
}
