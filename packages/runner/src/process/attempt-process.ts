import type { TerminalSize } from "@signalbox/protocol";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { Readable } from "node:stream";
import type { Writable } from "node:stream";
import { Pty, withoutTerminals } from "../terminal/pty.ts";
import { AttemptCgroup } from "./attempt-cgroup.ts";
import { AttemptOutput } from "./attempt-output.ts";
import type { Clock, Timer } from "./clock.ts";
import { findProgram } from "./find-program.ts";
import { killTree, sendSignal } from "./kill-tree.ts";
import type { KillReport } from "./kill-tree.ts";
import { ATTEMPT_VARIABLE, readProcess, readProcessTable } from "./process-table.ts";
import { keyOf, membersOf, politeTargets } from "./process-tree.ts";
import type { TreeRoot } from "./process-tree.ts";
import { SpawnError, toSpawnError } from "./spawn-error.ts";

/** A command as a sandbox has wrapped it: run exactly so, with exactly this environment. */
export interface AttemptCommand {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** How many processes at the top are the sandbox's own and not to be asked to end. Default 0. */
  readonly supervisors?: number;
}

/** How one attempt runs. */
export interface AttemptProcessSettings {
  readonly attemptId: string;
  readonly command: AttemptCommand;
  readonly clock: Clock;
  /** Ends the attempt after so many milliseconds. Default: never. */
  readonly timeoutMs?: number;
  /** What a timeout grants between TERM and KILL, in milliseconds. Default 5000. */
  readonly graceMs?: number;
  /** How long output may still arrive after the process has ended, in milliseconds. Default 5000. */
  readonly drainMs?: number;
  /** A cgroup (version 2) that the runner may divide. Default: none, and trees are found through /proc. */
  readonly cgroupParent?: string;
  /** Whether the process can be written to. Default "ignore": its input is empty. */
  readonly stdin?: "ignore" | "pipe";
  /** Gives it a terminal of this size for input and output, to be claimed by the command. Default: none. */
  readonly terminal?: TerminalSize;
}

/** How an attempt ended. */
export interface AttemptExit {
  /** As the first process returned it; null when a signal ended it. Bubblewrap returns 128 + signal for its command. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly timedOut: boolean;
  /** Both streams ended by themselves: all that was written has been read. Otherwise they were cut off. */
  readonly drained: boolean;
  /** Processes that could not be killed; empty in all but a broken kernel or a foreign user's process. */
  readonly survivors: readonly number[];
}

/**
 * One running attempt and all that comes out of it. It has ended when its first process has ended and its output has
 * drained (or the drain time is over); then every process it left behind is killed. Nothing outlives it.
 */
export class AttemptProcess implements AsyncDisposable {
  readonly pid: number;
  readonly stdout: AttemptOutput;
  readonly stderr: AttemptOutput;
  /** Undefined when the input is ignored. */
  readonly stdin: Writable | undefined;
  /** Its terminal, whose output is `stdout`, if it has one. */
  readonly terminal: Pty | undefined;
  /** Resolves once, when nothing is left of the attempt; never rejects. */
  readonly exited: Promise<AttemptExit>;
  readonly #settings: AttemptProcessSettings;
  readonly #root: TreeRoot;
  readonly #cgroup: AttemptCgroup | undefined;
  readonly #processEnd: Promise<[number | null, NodeJS.Signals | null]>;
  #timedOut = false;

  /** Starts the command in a session and process group of its own. Throws `SpawnError` when it cannot be started. */
  static async spawn(settings: AttemptProcessSettings): Promise<AttemptProcess> {
    const { attemptId, command, cgroupParent, clock, stdin = "ignore", terminal: size } = settings;
    const [program = ""] = command.argv;
    const cgroup = cgroupParent === undefined ? undefined : await enterable(cgroupParent, attemptId, command);
    let terminal: Pty | undefined;
    try {
      terminal = size && Pty.open(size, clock);
      const [file = "", ...args] = cgroup?.enter(command.argv) ?? command.argv;
      const standard: readonly (number | "ignore" | "pipe")[] = terminal?.farEnds ?? [stdin, "pipe", "pipe"];
      const child = spawn(file, args, {
        cwd: command.cwd,
        env: { ...command.env, [ATTEMPT_VARIABLE]: attemptId },
        detached: true,
        stdio: [...standard, ...withoutTerminals()],
      });
      terminal?.handedOver();
      const started = once(child, "spawn");
      // Once it has started, what goes wrong with a child shows in its exit and its streams.
      child.on("error", () => undefined);
      // At once: the output of a child that ends before anybody listens is thrown away by Node.
      const stdout = terminal?.output ?? new AttemptOutput(childStream(child.stdout));
      const stderr = new AttemptOutput(childStream(child.stderr));
      const processEnd = new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
        child.once("exit", (exitCode, signal) => resolve([exitCode, signal]));
      });
      await started;
      const { startTime } = readProcess(`/proc/${child.pid}`) ?? {};
      return new AttemptProcess({ settings, child, stdout, stderr, terminal, processEnd, startTime, cgroup });
    } catch (error) {
      terminal?.[Symbol.dispose]();
      await cgroup?.[Symbol.asyncDispose]();
      if (error instanceof SpawnError) throw error;
      throw toSpawnError(error, program, command.cwd, existsSync(command.cwd));
    }
  }

  private constructor({ settings, child, stdout, stderr, terminal, processEnd, startTime, cgroup }: Started) {
    this.#settings = settings;
    this.#cgroup = cgroup;
    this.#processEnd = processEnd;
    this.pid = child.pid ?? -1;
    this.#root = { attemptId: settings.attemptId, pid: this.pid, startTime, known: new Set() };
    this.stdout = stdout;
    this.stderr = stderr;
    this.terminal = terminal;
    this.stdin = child.stdin ?? undefined;
    // A process that ends without reading its input is no fault of the runner.
    this.stdin?.on("error", () => undefined);
    this.exited = this.#run();
  }

  /**
   * Asks all processes to end (TERM), and after `graceMs`, or when the first process has ended, kills the whole tree.
   * Calling it again is harmless; a shorter grace then wins.
   */
  async terminate(graceMs: number): Promise<AttemptExit> {
    if (graceMs > 0) await this.#askToEnd(graceMs);
    await this.#killTree();
    return this.exited;
  }

  /** Asks all processes to end (TERM), and kills nobody. */
  async askToEnd(): Promise<void> {
    await this.#askToEnd(0);
  }

  /** Kills what is left, without asking. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.terminate(0);
  }

  async #run(): Promise<AttemptExit> {
    const { clock, timeoutMs, graceMs = 5000, drainMs = 5000 } = this.#settings;
    const timeout = timeoutMs === undefined ? undefined : clock.setTimer(timeoutMs, () => this.#timeOut(graceMs));
    const [exitCode, signal] = await this.#processEnd;
    timeout?.cancel();

    const cutting = clock.setTimer(drainMs, () => this.#cutOutput());
    const [hasStdout, hasStderr] = await Promise.all([this.stdout.ended, this.stderr.ended]);
    cutting.cancel();

    this.terminal?.[Symbol.dispose]();
    const { survivors } = await this.#killTree();
    await this.#cgroup?.[Symbol.asyncDispose]();
    return { exitCode, signal, timedOut: this.#timedOut, drained: hasStdout && hasStderr, survivors };
  }

  #timeOut(graceMs: number): void {
    this.#timedOut = true;
    void this.terminate(graceMs);
  }

  async #askToEnd(graceMs: number): Promise<void> {
    const members = membersOf(this.#root, await readProcessTable(undefined, this.#root.startTime));
    for (const member of members) this.#root.known.add(keyOf(member));
    for (const { pid } of politeTargets(this.#root, members, this.#settings.command.supervisors ?? 0)) {
      // A shell that a person types into heeds only the end of its terminal.
      if (this.terminal) sendSignal(pid, "SIGHUP");
      sendSignal(pid, "SIGTERM");
      // A stopped process hears TERM only when it goes on.
      sendSignal(pid, "SIGCONT");
    }
    let grace: Timer | undefined;
    const over = new Promise<void>((resolve) => (grace = this.#settings.clock.setTimer(graceMs, resolve)));
    await Promise.race([this.#processEnd, over]);
    grace?.cancel();
  }

  #killTree(): Promise<KillReport> {
    return killTree({ root: this.#root, cgroup: this.#cgroup, clock: this.#settings.clock });
  }

  #cutOutput(): void {
    this.stdout.cut();
    this.stderr.cut();
  }
}

interface Started {
  readonly settings: AttemptProcessSettings;
  readonly child: ChildProcess;
  readonly stdout: AttemptOutput;
  readonly stderr: AttemptOutput;
  readonly terminal: Pty | undefined;
  readonly processEnd: Promise<[number | null, NodeJS.Signals | null]>;
  readonly startTime: number | undefined;
  readonly cgroup: AttemptCgroup | undefined;
}

/** A cgroup is entered by way of a shell, which reports a missing program only as exit code 127: so look before. */
async function enterable(
  parent: string,
  attemptId: string,
  command: AttemptCommand,
): Promise<AttemptCgroup | undefined> {
  await findProgram(command.argv[0] ?? "", command.env["PATH"] ?? "", command.cwd);
  return AttemptCgroup.create(parent, attemptId);
}

/** A child that could not be started for want of descriptors has no pipes; why is told by its error. */
function childStream(stream: Readable | null | undefined): Readable {
  return stream ?? Readable.from([]);
}
