import type { AgentProcess } from "@signalbox/agents";
import type { OutputStream, StartGrant, TerminalCommand, TerminalSize } from "@signalbox/protocol";
import type { Readable } from "node:stream";

import type { WorkspaceDiff } from "../diff/workspace-diff.ts";
import type { Programs } from "../machine/programs.ts";
import type { Publisher } from "../publish/publisher.ts";
import { AttemptProcess } from "../process/attempt-process.ts";
import type { Clock } from "../process/clock.ts";
import { besideOf, type Beside } from "../process/beside.ts";
import { findProgram } from "../process/find-program.ts";
import { SETSID_PATH } from "../sandbox/bubblewrap-sandbox.ts";
import type { ByteRedaction } from "../redaction/redactor.ts";
import type { SandboxCommand } from "../sandbox/sandbox.ts";
import type { AgentCatalog } from "../session/agent-catalog.ts";
import type { SessionInbox } from "../session/session-inbox.ts";
import { showFolders, spellInside } from "../session/shown-program.ts";
import type {
  AgentLaunch,
  CommandEnd,
  PlannedCommand,
  StepContext,
  TerminalCommandRun,
  WorkspaceView,
} from "../tools/tool.ts";
import type { ChosenSandbox } from "./choose-sandbox.ts";
import type { OutputRecorder } from "./output-recorder.ts";
import { additionsOf } from "./step-environment.ts";
import type { StopSwitch } from "./stop-switch.ts";

export interface StepRunSettings {
  readonly grant: StartGrant;
  readonly chosen: ChosenSandbox;
  readonly workspace: WorkspaceView;
  readonly diff?: WorkspaceDiff | undefined;
  /** The workspace's folder on this machine. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly programs: Programs;
  readonly recorder: OutputRecorder;
  readonly stop: StopSwitch;
  readonly inbox: SessionInbox;
  readonly agents: AgentCatalog;
  readonly sessionsDirectory: string;
  readonly record: () => AsyncIterable<Uint8Array>;
  readonly publisher?: Publisher | undefined;
  readonly path: string;
  readonly redact: (text: string) => string;
  readonly redaction: () => ByteRedaction;
  readonly clock: Clock;
  readonly cgroupParent?: string | undefined;
  /** Where its commands run beside the work of the step: their end is not its. */
  readonly beside?: Beside;
  /** A process of the step has started. */
  readonly onSpawn: () => void;
  readonly onProgress: (percent: number | undefined, message: string | undefined) => void;
  readonly onAgentEnded: () => void;
}

/** What a captured command may say; more is cut off. */
const CAPTURE_BYTES = 1_048_576;

/** Runs the commands of one step, in its sandbox, one process tree at a time or more. */
export class StepRun implements StepContext {
  readonly grant: StartGrant;
  readonly signal: AbortSignal;
  readonly workspace: WorkspaceView;
  readonly diff: WorkspaceDiff | undefined;
  readonly isEnclosed: boolean;
  readonly hasNetwork: boolean;
  readonly inbox: SessionInbox;
  readonly agents: AgentCatalog;
  readonly sessionsDirectory: string;
  readonly additions: Readonly<Record<string, string>>;
  readonly publisher: Publisher | undefined;
  readonly path: string;
  readonly #settings: StepRunSettings;

  constructor(settings: StepRunSettings) {
    this.#settings = settings;
    this.grant = settings.grant;
    this.signal = settings.stop.signal;
    this.workspace = settings.workspace;
    this.diff = settings.diff;
    this.inbox = settings.inbox;
    this.agents = settings.agents;
    this.sessionsDirectory = settings.sessionsDirectory;
    this.additions = additionsOf(settings.environment);
    this.publisher = settings.publisher;
    this.path = settings.path;
    this.isEnclosed = settings.chosen.sandbox.name !== "none";
    this.hasNetwork = settings.chosen.report.network !== "none";
  }

  async run(command: PlannedCommand): Promise<CommandEnd> {
    const { recorder } = this.#settings;
    if (command.terminal) return (await this.openTerminal(command, command.terminal)).ended;
    await using child = await this.#spawn(command, command.stdin === undefined ? "ignore" : "pipe");
    using _stopping = this.#stopWith(child);
    child.stdin?.end(command.stdin);
    const recording = Promise.all([
      recorder.record("stdout", child.stdout.bytes),
      recorder.record("stderr", child.stderr.bytes),
    ]);
    const [end] = await Promise.all([child.exited, recording]);
    return { exitCode: end.exitCode, signal: end.signal };
  }

  async capture(
    command: PlannedCommand,
    maxBytes = CAPTURE_BYTES,
  ): Promise<CommandEnd & { stdout: string; stderr: string }> {
    await using child = await this.#spawn(command, command.stdin === undefined ? "ignore" : "pipe");
    using _stopping = this.#stopWith(child);
    child.stdin?.end(command.stdin);
    const [stdout, stderr, end] = await Promise.all([
      readStart(child.stdout.bytes, maxBytes),
      readStart(child.stderr.bytes, CAPTURE_BYTES),
      child.exited,
    ]);
    return { exitCode: end.exitCode, signal: end.signal, stdout, stderr };
  }

  async openTerminal(
    command: PlannedCommand,
    size: TerminalSize,
    { isBeside = false }: { readonly isBeside?: boolean } = {},
  ): Promise<TerminalCommandRun> {
    const { inbox, recorder } = this.#settings;
    const child = await this.#spawn(command, "ignore", {
      terminal: inbox.terminalSize ?? size,
      ...(isBeside ? { beside: "shell" } : {}),
    });
    const stopping = this.#stopWith(child);
    const typing = inbox.onTerminal((done) => obeyKeyboard(child, done));
    // It may have been given another size while it was being opened.
    if (inbox.terminalSize) child.terminal?.resize(inbox.terminalSize);
    const recording = recorder.record("terminal", child.stdout.bytes);
    const ended = Promise.all([child.exited, recording]).then(([{ exitCode, signal }]) => {
      stopping[Symbol.dispose]();
      typing[Symbol.dispose]();
      return { exitCode, signal };
    });
    return { ended, stop: async (graceMs) => void (await child.terminate(graceMs)) };
  }

  async startAgent({ argv, env, folder, home, programFolders }: AgentLaunch): Promise<AgentProcess> {
    const readOnlyBinds = this.isEnclosed ? showFolders(programFolders) : [];
    const seen = this.isEnclosed ? [...this.#settings.programs.readOnlyBinds, ...readOnlyBinds] : [];
    const command = { argv: spellInside(argv, seen), env, readOnlyBinds };
    const child = await this.#spawn(command, "pipe", { environment: env, own: { folder, home } });
    const stopping = this.#stopWith(child);
    const exited = child.exited.then(({ exitCode, signal }) => {
      stopping[Symbol.dispose]();
      return { code: exitCode, signal };
    });
    const { stdin } = child;
    if (!stdin) throw new Error("an agent was started without an input");
    return {
      pid: child.pid,
      stdin,
      stdout: child.stdout.bytes,
      stderr: child.stderr.bytes,
      exited,
      askToEnd: () => child.askToEnd(),
      killTree: async () => (await child.terminate(0)).survivors,
    };
  }

  record(): AsyncIterable<Uint8Array> {
    return this.#settings.record();
  }

  async say(text: string | Buffer, stream: OutputStream = "stderr"): Promise<void> {
    await this.#settings.recorder.write(stream, text);
  }

  redact(text: string): string {
    return this.#settings.redact(text);
  }

  redaction(): ByteRedaction {
    return this.#settings.redaction();
  }

  progress(percent: number | undefined, message: string | undefined): void {
    this.#settings.onProgress(percent, message);
  }

  agentEnded(): void {
    this.#settings.onAgentEnded();
  }

  async #spawn(
    command: PlannedCommand,
    stdin: "ignore" | "pipe",
    {
      environment = this.#settings.environment,
      own,
      terminal,
      beside = this.#settings.beside,
    }: {
      readonly environment?: Readonly<Record<string, string>>;
      readonly own?: SandboxCommand["own"];
      readonly terminal?: TerminalSize;
      readonly beside?: Beside | undefined;
    } = {},
  ): Promise<AttemptProcess> {
    const { chosen, directory, programs, grant, clock, cgroupParent, stop } = this.#settings;
    stop.signal.throwIfAborted();
    const env = { ...environment, ...command.env };
    const [program = ""] = command.argv;
    // A sandbox can only say that it could not start the program, so look before.
    const searchPath = this.isEnclosed ? programs.hostPath : (env["PATH"] ?? "");
    // So can the shell by which a terminal is claimed.
    if (!program.includes("/") || (terminal && !this.isEnclosed)) await findProgram(program, searchPath, directory);
    if (terminal && this.isEnclosed) await findProgram(SETSID_PATH, searchPath, directory);
    const wrapped = chosen.sandbox.wrap({
      argv: command.argv,
      ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
      env,
      workspace: directory,
      readOnlyBinds: [...programs.readOnlyBinds, ...(command.readOnlyBinds ?? [])],
      ...(own === undefined ? {} : { own }),
      network: chosen.network,
      pty: terminal !== undefined,
    });
    const child = await AttemptProcess.spawn({
      attemptId: beside === undefined ? grant.attemptId : besideOf(grant.attemptId, beside),
      command: wrapped,
      clock,
      stdin,
      ...(terminal === undefined ? {} : { terminal }),
      ...(cgroupParent === undefined ? {} : { cgroupParent }),
    });
    this.#settings.onSpawn();
    return child;
  }

  #stopWith(child: AttemptProcess): Disposable {
    return this.#settings.stop.onStop((graceMs) => void child.terminate(graceMs));
  }
}

/** Does what somebody does at the terminal. */
function obeyKeyboard({ terminal }: AttemptProcess, done: TerminalCommand): void {
  if (done.kind === "keys") terminal?.write(Buffer.from(done.bytes, "base64"));
  else terminal?.resize(done.size);
}

async function readStart(bytes: Readable, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let room = maxBytes;
  for await (const chunk of bytes as AsyncIterable<Buffer>) {
    if (room > 0) chunks.push(chunk.subarray(0, room));
    room -= chunk.length;
  }
  return Buffer.concat(chunks).toString();
}
