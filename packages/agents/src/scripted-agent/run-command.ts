import { spawn } from "node:child_process";
import type { Turn } from "./turn.ts";

/** How a command ended. */
export interface CommandEnd {
  /** As a shell tells it: over 128 when a signal ended it, 127 when it could not be started. */
  readonly exitCode: number;
  /** The end of what it printed, both streams as they came. */
  readonly output: string;
}

/** Runs a command in the session's folder and tells its output as it comes. A cancel ends it, and the turn. */
export async function runCommand(argv: readonly string[], toolCallId: string, turn: Turn): Promise<CommandEnd> {
  const [program = "", ...args] = argv;
  const child = spawn(program, args, { cwd: turn.session.cwd, stdio: ["ignore", "pipe", "pipe"], detached: true });
  // As agents do it, commands have sessions of their own: what is to end with the agent, it must end itself.
  const kill = (): void => killGroup(child.pid);
  using _ending = turn.host.onEnd(kill);

  let output = "";
  let toldAt = -Infinity;
  const hear = (text: string): void => {
    output = (output + text).slice(-OUTPUT_KEPT);
    if (performance.now() - toldAt < TELL_EVERY_MS) return;
    toldAt = performance.now();
    const content = [{ type: "content" as const, content: { type: "text" as const, text: output } }];
    // The last word on it comes at its end; a turn that has ended tells nothing.
    turn.tell({ sessionUpdate: "tool_call_update", toolCallId, content }).catch(() => undefined);
  };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", hear);

  const ended = new Promise<number>((resolve) => {
    child.once("error", (error) => {
      output += error.message;
      resolve(127);
    });
    child.once("close", (code, signal) => resolve(code ?? (signal === null ? 1 : 128)));
  });
  try {
    const exitCode = await turn.unlessCancelled(ended);
    return { exitCode, output };
  } finally {
    kill();
  }
}

const OUTPUT_KEPT = 32_768;
const TELL_EVERY_MS = 100;

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nobody is left of it.
  }
}
