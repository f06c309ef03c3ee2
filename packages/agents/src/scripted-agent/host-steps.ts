import { RequestError } from "@agentclientprotocol/sdk";
import type { AgentHost } from "./agent-host.ts";
import type { ScriptStep, ScriptStepOf } from "@signalbox/protocol/agent-script";

/** Steps that need nothing but the process: they may stand outside a turn. */
export type HostStep = ScriptStepOf<
  | "wait"
  | "fail"
  | "hang"
  | "ignore_end"
  | "flood"
  | "garbage"
  | "frame"
  | "stderr"
  | "close_output"
  | "stray"
  | "crash"
>;

/** Where such a step is played. */
export interface Stage {
  readonly host: AgentHost;
  readonly cwd: string;
  wait(ms: number): Promise<void>;
}

/** Plays steps outside a turn, one after the other. Throws what `fail` says. */
export async function playOutside(steps: readonly ScriptStep[], stage: Stage): Promise<void> {
  // The script's schema has no others here.
  for (const step of steps) await playHostStep(step as HostStep, stage);
}

export async function playHostStep(step: HostStep, stage: Stage): Promise<void> {
  const { host, cwd } = stage;
  switch (step.do) {
    case "wait":
      return stage.wait(step.ms);
    case "hang":
      for (;;) await stage.wait(LONG_MS);
    case "fail":
      throw new RequestError(step.code, step.message, step.data);
    case "ignore_end":
      return host.ignoreEnd();
    case "flood":
      return step.as === "line" ? host.print(longLine(step.bytes)) : floodErrors(step.bytes, host);
    case "garbage":
      return host.print(repeated(`${step.text}\n`, step.lines));
    case "frame":
      return host.print([`${JSON.stringify(step.frame)}\n`]);
    case "stderr":
      return host.printError(step.text);
    case "close_output":
      return host.closeOutput();
    case "stray":
      return host.leaveStray(step, cwd);
    case "crash":
      return host.crash(step);
  }
}

const LONG_MS = 86_400_000;
const PIECE = "x".repeat(65_536);

/** One frame of the protocol, longer than any reader likes. */
function* longLine(bytes: number): Generator<string, void> {
  yield '{"jsonrpc":"2.0","method":"flood","params":{"text":"';
  yield* piecesOf(bytes);
  yield '"}}\n';
}

async function floodErrors(bytes: number, host: AgentHost): Promise<void> {
  for (const piece of piecesOf(bytes)) await host.printError(piece);
}

function* piecesOf(bytes: number): Generator<string, void> {
  for (let left = bytes; left > 0; left -= PIECE.length) yield PIECE.slice(0, left);
}

function* repeated(text: string, times: number): Generator<string, void> {
  for (let time = 0; time < times; time++) yield text;
}
