import { readdir, readFile } from "node:fs/promises";
import { mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { tempDir } from "@signalbox/testkit";

import { SESSION_VARIABLE, spawnAgentProcess } from "../../src/index.ts";
import type { AgentAdapter, AgentCommand, AgentProcess, AgentSession, AgentStartSpec } from "../../src/index.ts";
import { Conversation } from "./conversation.ts";

/** A process that a lab has started. */
export interface Started {
  readonly command: AgentCommand;
  readonly process: AgentProcess;
}

/** Folders of its own for an agent, and starts in them. */
export interface AgentLab extends AsyncDisposable {
  readonly workspace: string;
  readonly home: string;
  readonly tmpDir: string;
  /** Every process so far, the oldest first. */
  readonly started: readonly Started[];
  /** A path in the workspace. */
  file(name: string): string;
  start(more?: Partial<AgentStartSpec>): Promise<Conversation>;
  /** As `start`, for a test that reads the events itself, or does not. */
  open(more?: Partial<AgentStartSpec>): Promise<AgentSession>;
  /** Processes that carry the marker of this lab's session. */
  living(): Promise<number[]>;
}

/** Makes a lab. Home and temporary files lie beside each other: codex wants it so. */
export async function agentLab(
  adapter: AgentAdapter,
  spec: Pick<AgentStartSpec, "program"> & Partial<AgentStartSpec>,
): Promise<AgentLab> {
  const dir = await tempDir("agent-lab-");
  const [workspace, home, tmpDir] = [dir.file("workspace"), dir.file("home"), dir.file("tmp")];
  for (const folder of [workspace, home, tmpDir]) mkdirSync(folder);
  const sessionId = `session-${++labs}-${process.pid}`;
  const started: Started[] = [];
  const conversations: Conversation[] = [];
  return {
    workspace,
    home,
    tmpDir,
    started,
    file: (name) => dir.file("workspace", name),
    async start(more = {}) {
      const conversation = new Conversation(await open(more));
      conversations.push(conversation);
      return conversation;
    },
    open,
    living: () => markedWith(`${SESSION_VARIABLE}=${sessionId}`),
    async [Symbol.asyncDispose]() {
      await Promise.all(conversations.map((each) => each[Symbol.asyncDispose]()));
      await Promise.all(started.map(({ process: child }) => child.killTree()));
      await dir[Symbol.asyncDispose]();
    },
  };

  function open(more: Partial<AgentStartSpec> = {}): Promise<AgentSession> {
    return adapter.start({
      sessionId,
      workspace,
      home,
      tmpDir,
      path: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
      spawn: async (command) => {
        const child = await spawnAgentProcess(command);
        started.push({ command, process: child });
        return child;
      },
      ...spec,
      ...more,
    });
  }
}

let labs = 0;

/** Whether a process lives; one that has ended and is only not buried does not. */
export function isAlive(pid: number | string): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, "latin1").includes(") Z ");
  } catch {
    return false;
  }
}

/** The environment of a process, as the kernel has it. */
export async function environOf(pid: number): Promise<Record<string, string>> {
  const environ = await readFile(`/proc/${pid}/environ`, "utf8");
  const entries = environ.split("\0").filter((entry) => entry !== "");
  return Object.fromEntries(
    entries.map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]),
  );
}

async function markedWith(marker: string): Promise<number[]> {
  const names = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const marked = await Promise.all(
    names.map(async (name) => {
      const environ = await readFile(`/proc/${name}/environ`, "latin1").catch(() => "");
      return environ.split("\0").includes(marker) ? [Number(name)] : [];
    }),
  );
  return marked.flat();
}
