import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";

import { delay, systemClock } from "../clock.ts";
import { agentLimits } from "../limits.ts";
import type { AgentCommand, AgentExit, AgentProcess } from "./agent-process.ts";
import { keyOf, membersOf, readTable, startTimeOf } from "./process-tree.ts";
import type { TreeRoot } from "./process-tree.ts";

/** The variable by which the processes of a session are found again, unless they wiped their environment. */
export const SESSION_VARIABLE = "SIGNALBOX_AGENT_SESSION";

/**
 * Starts a program in a session and process group of its own. `killTree` finds its processes through /proc, so on other
 * systems than Linux it reaches the group only.
 */
export async function spawnAgentProcess(command: AgentCommand): Promise<AgentProcess> {
  const [file, ...args] = command.argv;
  const child = spawn(file, args, {
    cwd: command.cwd,
    env: { ...command.env },
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
  });
  const exited = new Promise<AgentExit>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  await once(child, "spawn");
  // Once it has started, what goes wrong with a child shows in its exit and its streams.
  child.on("error", () => undefined);
  return new LocalProcess(child, exited, await rootOf(child, command.env[SESSION_VARIABLE]));
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

class LocalProcess implements AgentProcess {
  readonly pid: number | undefined;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly exited: Promise<AgentExit>;
  readonly #child: Child;
  readonly #root: TreeRoot;

  constructor(child: Child, exited: Promise<AgentExit>, root: TreeRoot) {
    this.#child = child;
    this.#root = root;
    this.pid = child.pid;
    this.stdin = child.stdin;
    this.stdout = child.stdout;
    this.stderr = child.stderr;
    this.exited = exited;
  }

  async remember(): Promise<void> {
    for (const member of membersOf(this.#root, await readTable(this.#root))) this.#root.known.add(keyOf(member));
  }

  async askToEnd(): Promise<void> {
    await this.remember();
    this.#child.kill("SIGTERM");
    // A stopped process hears TERM only when it goes on.
    this.#child.kill("SIGCONT");
  }

  /** Looks again until a look finds none: a process forked between the look and the signal is found by the next. */
  async killTree(): Promise<readonly number[]> {
    const deadline = systemClock.monotonic() + agentLimits()["kill.deadlineMs"];
    for (;;) {
      const members = membersOf(this.#root, await readTable(this.#root));
      if (process.platform !== "linux") sendKill(-this.#root.pid);
      if (members.length === 0) return [];
      if (systemClock.monotonic() >= deadline) return members.map(({ pid }) => pid);

      for (const member of members) {
        this.#root.known.add(keyOf(member));
        sendKill(member.pid);
      }
      await delay(systemClock, LOOK_AGAIN_MS);
    }
  }
}

/** A killed process is gone after a few milliseconds; looking more often would only cost. */
const LOOK_AGAIN_MS = 10;

async function rootOf(child: Child, sessionId: string | undefined): Promise<TreeRoot> {
  const pid = child.pid ?? -1;
  return {
    pid,
    // One that has ended at once has no start time any more: then only its marker tells who belongs to it.
    startTime: (await startTimeOf(pid)) ?? 0,
    marker: sessionId === undefined ? undefined : `${SESSION_VARIABLE}=${sessionId}`,
    known: new Set(),
  };
}

/** A process that is gone, or not ours, is no error. */
function sendKill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // As said.
  }
}
