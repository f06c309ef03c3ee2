import type { AgentEventOf } from "../agent-event.ts";
import { within } from "../clock.ts";
import type { Clock } from "../clock.ts";
import { JsonLineWriter } from "../json-lines.ts";
import type { JsonLine } from "../json-lines.ts";
import type { AgentLimits } from "../limits.ts";
import { loopShare } from "../loop-share.ts";
import type { AgentExit, AgentProcess } from "../process/agent-process.ts";
import { readLines } from "./read-lines.ts";
import { StderrTail } from "./stderr-tail.ts";

/** What a supervisor works with. */
export interface SupervisedProcessParts {
  readonly process: AgentProcess;
  readonly clock: Clock;
  readonly limits: AgentLimits;
  /** Undefined, or resolves when there is room for what the next line brings. */
  readonly whenRoom: () => Promise<void> | undefined;
  /** Whether reading stands still because nobody reads the events. */
  readonly isHeld: () => boolean;
  readonly takeLine: (line: JsonLine) => Promise<void>;
}

/** How the process came to its end. */
export interface ProcessEnd extends AgentExit {
  readonly reason: AgentEventOf<"process.exited">["reason"];
  readonly message: string;
  readonly stderr: string;
  readonly survivors: readonly number[];
}

/**
 * An agent's process from its start to the end of everything that it started: its lines are read one by one, and it is
 * ended politely, then by force. The first reason to end it is the one that is told.
 */
export class SupervisedProcess {
  /** Resolves when nothing is left; never rejects. */
  readonly ended: Promise<ProcessEnd>;
  readonly #parts: SupervisedProcessParts;
  readonly #writer: JsonLineWriter;
  readonly #stderr: StderrTail;
  readonly #reading: Promise<void>;
  #why: Pick<ProcessEnd, "reason" | "message"> | undefined;

  constructor(parts: SupervisedProcessParts) {
    const { process, limits, whenRoom, takeLine } = parts;
    this.#parts = parts;
    this.#writer = new JsonLineWriter(process.stdin, limits["write.bytes"]);
    this.#stderr = new StderrTail(process.stderr, limits["stderr.bytes"]);
    this.#reading = readLines({
      stream: process.stdout,
      maxBytes: limits["line.bytes"],
      whenRoom,
      whenTurn: () => loopShare.whenTurn(limits["loop.shareMs"]),
      take: takeLine,
    });
    this.ended = this.#watch();
    void this.#reading.then(() => this.#outputEnded());
  }

  /** Resolves when its first process has ended. */
  get exited(): Promise<AgentExit> {
    return this.#parts.process.exited;
  }

  /** What its error output ended with. */
  get lastWords(): string {
    return this.#stderr.text.trim().split("\n").slice(-LAST_LINES).join("; ").slice(-LAST_WORDS);
  }

  write(frame: unknown): Promise<void> {
    return this.#writer.write(frame);
  }

  /** Undefined, or resolves when it has read what it was told: until then it is not heard. */
  whenRead(): Promise<void> | undefined {
    return this.#writer.whenRead();
  }

  /** Ends its input first, which ends an idle agent; then as `end`. */
  async close(isIdle: boolean, graceMs: number): Promise<void> {
    const { clock, limits } = this.#parts;
    this.#why ??= { reason: "closed", message: "it was closed" };
    await this.#parts.process.remember?.();
    this.#writer.end();
    const inputMs = Math.min(graceMs, limits["close.inputMs"]);
    if (isIdle && inputMs > 0 && (await within(clock, inputMs, this.exited)) !== "late") return;
    await this.#stop(graceMs);
  }

  /** Asks it to end, and after `graceMs` kills all that is left. */
  async end(why: Pick<ProcessEnd, "reason" | "message">, graceMs: number): Promise<void> {
    this.#why ??= why;
    await this.#stop(graceMs);
  }

  async #stop(graceMs: number): Promise<void> {
    const { process, clock } = this.#parts;
    if (graceMs > 0) {
      await process.askToEnd();
      await within(clock, graceMs, process.exited);
    }
    await process.killTree();
  }

  /** Who says nothing more is ended, unless it ends by itself. */
  async #outputEnded(): Promise<void> {
    const { clock, limits } = this.#parts;
    if ((await within(clock, limits["exit.drainMs"], this.exited)) !== "late" || this.#why) return;
    await this.end({ reason: "output_closed", message: "it closed its output and went on" }, limits["close.graceMs"]);
  }

  async #watch(): Promise<ProcessEnd> {
    const { process, clock, limits, isHeld } = this.#parts;
    const exit = await process.exited;
    // What it wrote last may still be in the pipe; what it left running may hold the pipe open.
    await within(clock, limits["exit.drainMs"], this.#reading);
    const survivors = await process.killTree();
    while ((await within(clock, limits["exit.drainMs"], this.#reading)) === "late") {
      // A reader that is slow still gets everything; a pipe that somebody holds is let go.
      if (!isHeld()) process.stdout.destroy();
    }
    const how = exit.signal === null ? `exit code ${exit.code}` : exit.signal;
    const why = this.#why ?? { reason: "crashed", message: `it ended by itself (${how})` };
    return { ...exit, ...why, stderr: this.#stderr.text, survivors };
  }
}

const LAST_LINES = 3;
const LAST_WORDS = 500;
