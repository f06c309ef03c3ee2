import { randomUUID } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { PermissionOption, SessionUpdate, ToolCall, ToolCallContent, ToolKind } from "@agentclientprotocol/sdk";
import { runCommand } from "./run-command.ts";
import type { ScriptStep, ScriptStepOf } from "@signalbox/protocol/agent-script";
import { TurnEnd } from "./turn.ts";
import type { Turn } from "./turn.ts";

type ToolStep = ScriptStepOf<"write" | "delete" | "run" | "tool">;

/** What came of a tool. */
interface ToolOutcome {
  readonly isOk: boolean;
  readonly content: ToolCallContent[];
  readonly rawOutput?: unknown;
}

/** Tells of a tool call, asks for permission, carries it out, tells what came of it; answers what comes next. */
export async function useTool(step: ToolStep, turn: Turn): Promise<readonly ScriptStep[]> {
  const call = await describe(step, turn);
  await turn.tell({ sessionUpdate: "tool_call", ...call, status: "pending" });
  const isAllowed = !step.ask || (await isPermitted(step, call, turn));
  if (!isAllowed) {
    await end(call, { isOk: false, content: [textContent("The user did not allow it.")] }, turn);
    return step.deny;
  }
  await turn.tell({ sessionUpdate: "tool_call_update", toolCallId: call.toolCallId, status: "in_progress" });
  await end(call, await carryOut(step, call, turn), turn);
  return step.allow;
}

async function describe(step: ToolStep, turn: Turn): Promise<ToolCall> {
  const toolCallId = `call-${randomUUID()}`;
  switch (step.do) {
    case "write": {
      const path = pathOf(step, turn);
      const oldText = await readFile(path, "utf8").catch(() => null);
      const newText = turn.fill(step.text);
      return {
        toolCallId,
        title: titleOf(step, turn) ?? `Write ${turn.fill(step.path)}`,
        kind: "edit",
        content: [{ type: "diff", path, oldText, newText }],
        locations: [{ path }],
        rawInput: { path, content: newText },
      };
    }
    case "delete": {
      const path = pathOf(step, turn);
      const title = titleOf(step, turn) ?? `Delete ${turn.fill(step.path)}`;
      return { toolCallId, title, kind: "delete", content: [], locations: [{ path }], rawInput: { path } };
    }
    case "run": {
      const command = step.argv.map((word) => turn.fill(word));
      const title = titleOf(step, turn) ?? command.join(" ");
      return { toolCallId, title, kind: "execute", content: [], rawInput: { command, cwd: turn.session.cwd } };
    }
    case "tool":
      return {
        toolCallId,
        title: titleOf(step, turn) ?? `Use a tool (${step.kind})`,
        kind: step.kind,
        content: [],
        rawInput: step.input,
      };
  }
}

/** Asks, unless it was answered for all tools of this kind before. */
async function isPermitted(step: ToolStep, call: ToolCall, turn: Turn): Promise<boolean> {
  const kind: ToolKind = call.kind ?? "other";
  const known = turn.session.always.get(kind);
  if (known !== undefined) return known === "allow";

  const options = step.options.map((option) => PERMISSION_OPTIONS[option]);
  const asking = turn.client.request("session/request_permission", {
    sessionId: turn.session.id,
    toolCall: call,
    options,
  });
  const { outcome } = await turn.unlessCancelled(asking);
  if (outcome.outcome === "cancelled") throw new TurnEnd("cancelled");
  const chosen = options.find(({ optionId }) => optionId === outcome.optionId)?.kind;
  if (chosen === "allow_always") turn.session.always.set(kind, "allow");
  if (chosen === "reject_always") turn.session.always.set(kind, "reject");
  // An answer that was not offered allows nothing.
  return chosen === "allow_once" || chosen === "allow_always";
}

const PERMISSION_OPTIONS: Readonly<Record<PermissionOption["kind"], PermissionOption>> = {
  allow_once: { optionId: "allow", name: "Allow", kind: "allow_once" },
  allow_always: { optionId: "allow_always", name: "Always allow", kind: "allow_always" },
  reject_once: { optionId: "reject", name: "Deny", kind: "reject_once" },
  reject_always: { optionId: "reject_always", name: "Always deny", kind: "reject_always" },
};

async function carryOut(step: ToolStep, call: ToolCall, turn: Turn): Promise<ToolOutcome> {
  switch (step.do) {
    case "write":
      return changing(call, async () => {
        const path = pathOf(step, turn);
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, turn.fill(step.text));
      });
    case "delete":
      return changing(call, () => rm(pathOf(step, turn), { recursive: true }));
    case "run": {
      const { exitCode, output } = await runCommand(
        step.argv.map((word) => turn.fill(word)),
        call.toolCallId,
        turn,
      );
      return { isOk: exitCode === 0, content: [textContent(output)], rawOutput: { exitCode, output } };
    }
    case "tool": {
      const output = turn.fill(step.output);
      return { isOk: !step.fails, content: output === "" ? [] : [textContent(output)], rawOutput: { output } };
    }
  }
}

/** A change of files: its content stays what was announced, unless it fails. */
async function changing({ content = [] }: ToolCall, change: () => Promise<void>): Promise<ToolOutcome> {
  try {
    await change();
    return { isOk: true, content };
  } catch (error) {
    return { isOk: false, content: [textContent(error instanceof Error ? error.message : String(error))] };
  }
}

async function end(call: ToolCall, { isOk, content, rawOutput }: ToolOutcome, turn: Turn): Promise<void> {
  const status = isOk ? "completed" : "failed";
  const ended: SessionUpdate = {
    sessionUpdate: "tool_call_update",
    toolCallId: call.toolCallId,
    status,
    content,
    rawOutput,
  };
  turn.keep({ ...call, content, rawOutput, status, sessionUpdate: "tool_call" });
  await turn.tell(ended);
}

function titleOf({ title }: ToolStep, turn: Turn): string | undefined {
  return title === undefined ? undefined : turn.fill(title);
}

function pathOf(step: ScriptStepOf<"write" | "delete">, turn: Turn): string {
  return resolve(turn.session.cwd, turn.fill(step.path));
}

function textContent(text: string): ToolCallContent {
  return { type: "content", content: { type: "text", text } };
}
