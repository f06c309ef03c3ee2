import type { AgentProcess } from "@signalbox/agents";
import type { AttemptResult, OutputStream, StartGrant, TerminalSize } from "@signalbox/protocol";

import type { WorkspaceDiff } from "../diff/workspace-diff.ts";
import type { AgentCatalog } from "../session/agent-catalog.ts";
import type { ByteRedaction } from "../redaction/redactor.ts";
import type { Publisher } from "../publish/publisher.ts";
import type { SessionInbox } from "../session/session-inbox.ts";

/** A command as a tool plans it. */
export interface PlannedCommand {
  readonly argv: readonly string[];
  /** Relative to the workspace. Default: the workspace itself. */
  readonly cwd?: string | undefined;
  /** Beside the environment of the step. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly stdin?: string | undefined;
  /** Runs it in a terminal of this size instead. */
  readonly terminal?: TerminalSize | undefined;
  /** Folders and files of this machine to show inside. */
  readonly readOnlyBinds?: readonly { readonly source: string; readonly target?: string }[];
}

/** How a command ended. */
export interface CommandEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
}

/** A command in a terminal, which whoever may types into; its output is the attempt's stream `terminal`. */
export interface TerminalCommandRun {
  readonly ended: Promise<CommandEnd>;
  /** Hangs up, and after `graceMs` kills what is left. */
  stop(graceMs: number): Promise<void>;
}

/** The program of an agent, as a session starts it. */
export interface AgentLaunch {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** A folder of this machine that is the session's own, and the home below it. */
  readonly folder: string;
  readonly home: string;
  /** Folders of this machine that hold the program. */
  readonly programFolders: readonly string[];
}

/** What a step gives to its tool. Every command runs in the step's sandbox, in its workspace, with its environment. */
export interface StepContext {
  readonly grant: StartGrant;
  /** Aborted when the step is stopped; commands are ended by whoever stops it. */
  readonly signal: AbortSignal;
  readonly workspace: WorkspaceView;
  /** How the workspace differs from the commit that it was made from; undefined when it was made from none. */
  readonly diff: WorkspaceDiff | undefined;
  /** Whether commands see another file system than this machine's. */
  readonly isEnclosed: boolean;
  /** Whether commands reach the network. */
  readonly hasNetwork: boolean;
  /** Runs a command; its output becomes the attempt's. Throws when it cannot be started. */
  run(command: PlannedCommand): Promise<CommandEnd>;
  /** Runs a command and keeps its output, at most 1 MiB of it, out of the attempt's. */
  capture(command: PlannedCommand): Promise<CommandEnd & { readonly stdout: string; readonly stderr: string }>;
  /**
   * Starts a command in a terminal. What is typed goes to the one that was started last. One that `isBeside` the work of the
   * step ends without an end of what else runs in it.
   */
  openTerminal(
    command: PlannedCommand,
    size: TerminalSize,
    options?: { readonly isBeside?: boolean },
  ): Promise<TerminalCommandRun>;
  /** Starts an agent: it gets this environment and nothing else, and may change `folder` beside the workspace. */
  startAgent(command: AgentLaunch): Promise<AgentProcess>;
  /** What the agents of its session said before this attempt, as lines of JSON. */
  record(): AsyncIterable<Uint8Array>;
  /** What the session that this step is the work of is told. */
  readonly inbox: SessionInbox;
  /** The agents of this machine. */
  readonly agents: AgentCatalog;
  /** What the project, the machine's owner and the step's secrets add to an environment. */
  readonly additions: Readonly<Record<string, string>>;
  /** Where sessions have their folders on this machine. */
  readonly sessionsDirectory: string;
  /** Undefined where this machine's owner lets nothing be published. */
  readonly publisher: Publisher | undefined;
  /** The PATH of what runs in the step. */
  readonly path: string;
  /** Takes the step's secrets out of a text. */
  redact(text: string): string;
  /** The same for a text that comes in pieces. */
  redaction(): ByteRedaction;
  /** Puts words of the runner, or of an agent, into the attempt's output. */
  say(text: string | Buffer, stream?: OutputStream): Promise<void>;
  progress(percent: number | undefined, message: string | undefined): void;
  /** Tells that nothing is left of an agent that was told to end, ahead of all that it said. */
  agentEnded(): void;
}

/** What a tool may know of the workspace without a command. */
export interface WorkspaceView {
  /** The folder as the commands of the step see it. */
  readonly pathInside: string;
  /** Whether it was made from a repository, and with which commit. */
  readonly commit: string | undefined;
  /** The names in its top folder, or in a folder of it. Empty when there is none. */
  list(folder?: string): Promise<readonly string[]>;
  /** The text of a file of at most 1 MiB; undefined when it is no such file. Links are not followed. */
  read(path: string): Promise<string | undefined>;
  /** The same of the file that a link leads to; undefined when it is no link, or leads out of the workspace or to another link. */
  follow(path: string): Promise<string | undefined>;
}

/** How a tool ended. Changes, artifacts and output are added by the runner. */
export interface ToolResult extends Pick<
  AttemptResult,
  "outcome" | "reason" | "message" | "exitCode" | "signal" | "outputs"
> {
  /** Files of the workspace to keep beside those that the step declares. */
  readonly artifacts?: readonly string[];
}

/** Carries out one kind of step. */
export type Tool = (context: StepContext) => Promise<ToolResult>;
