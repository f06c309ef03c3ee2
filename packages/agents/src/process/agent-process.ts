import type { Readable, Writable } from "node:stream";

/** A program to start: run exactly so, with exactly this environment. */
export interface AgentCommand {
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** How a process ended. */
export interface AgentExit {
  readonly code: number | null;
  readonly signal: string | null;
}

/**
 * A running agent, as a session needs it. A runner brings its own, with sandbox and all; `spawnAgentProcess` is for those
 * who use this package alone.
 */
export interface AgentProcess {
  readonly pid: number | undefined;
  readonly stdin: Writable;
  /** Read by the session, which holds the agent by not reading. */
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the first process has ended; never rejects. */
  readonly exited: Promise<AgentExit>;
  /** Notes who is there below it, so that `killTree` finds those that lose their parent. Where nobody can hide, nothing. */
  remember?(): Promise<void>;
  /** Asks the agent to end. It cleans up what it runs, if it is any good. */
  askToEnd(): Promise<void>;
  /** Kills every process that the agent started, wherever it went, itself among them. Answers who could not be killed. */
  killTree(): Promise<readonly number[]>;
}

/** Starts a program. Rejects when it cannot be started. */
export type SpawnAgent = (command: AgentCommand) => Promise<AgentProcess>;
