import { nextState } from "@signalbox/protocol";
import type { MoveOf, StateOf } from "@signalbox/protocol";

import type { AgentEvent, AgentEventOf, AgentFailure } from "../agent-event.ts";
import type { AgentSession, Answers, Decision } from "../agent-session.ts";
import type { AgentCapabilities } from "../capabilities.ts";
import { within } from "../clock.ts";
import type { Clock } from "../clock.ts";
import { AgentError, isAgentError } from "../errors.ts";
import type { JsonLine } from "../json-lines.ts";
import type { AgentLimits } from "../limits.ts";
import { loopShare } from "../loop-share.ts";
import type { AgentProcess } from "../process/agent-process.ts";
import { toError } from "../to-error.ts";
import { withoutUndefined } from "../without-undefined.ts";
import type { AgentDriver, DriverPort, OpenedSession } from "./agent-driver.ts";
import { EventQueue } from "./event-queue.ts";
import { aborted, firstOf } from "./first-of.ts";
import type { ApprovalNews, News, TurnStatus } from "./news.ts";
import { RequestDesk } from "./request-desk.ts";
import { approvalEvent, questionEvent } from "./request-events.ts";
import { SessionBook } from "./session-book.ts";
import { AGENT_SESSION_TRANSITIONS } from "./session-states.ts";
import { SupervisedProcess } from "./supervised-process.ts";
import type { ProcessEnd } from "./supervised-process.ts";
import { failureOf, turnEndOf } from "./turn-ends.ts";

/** What a session is made of. */
export interface DrivenSessionParts {
  readonly provider: string;
  readonly process: AgentProcess;
  readonly makeDriver: (port: DriverPort) => AgentDriver;
  /** What its version promises; changed by what the agent says of itself. */
  readonly capabilities: AgentCapabilities;
  readonly permissions: "ask" | "edits" | "all";
  readonly raw: "unknown" | "all";
  readonly clock: Clock;
  readonly limits: AgentLimits;
  readonly resumed: AgentEventOf<"session.ready">["resumed"];
  readonly resumeFailure: string | undefined;
  /** Put before the first prompt. */
  readonly preface: string;
}

interface Turn {
  readonly turnId: string;
  readonly ended: Promise<void>;
  readonly end: () => void;
}

/**
 * A session over one process and one driver. It keeps the states and the books, holds the agent back when nobody reads,
 * gives up on one that does not answer or talks nonsense, and leaves nothing running.
 */
export class DrivenSession implements AgentSession {
  readonly provider: string;
  readonly #parts: DrivenSessionParts;
  readonly #driver: AgentDriver;
  readonly #process: SupervisedProcess;
  readonly #queue: EventQueue;
  readonly #book: SessionBook;
  readonly #desk: RequestDesk;
  readonly #ended: Promise<AgentEventOf<"process.exited">>;
  #state: StateOf<typeof AGENT_SESSION_TRANSITIONS> = "starting";
  #opened: OpenedSession | undefined;
  #capabilities: AgentCapabilities;
  #preface: string;
  #turn: Turn | undefined;
  #turns = 0;
  #complaints = 0;
  #hasShouted = false;
  /** What the frame weighs that is being taken; counted with the first event that it brings. */
  #frameBytes = 0;
  #closing: Promise<void> | undefined;

  constructor(parts: DrivenSessionParts) {
    const { process, clock, limits, permissions } = parts;
    this.provider = parts.provider;
    this.#parts = parts;
    this.#capabilities = parts.capabilities;
    this.#preface = parts.preface;
    this.#queue = new EventQueue({
      events: limits["queue.events"],
      bytes: limits["queue.bytes"],
      whenTurn: () => loopShare.whenTurn(limits["loop.shareMs"]),
    });
    this.#book = new SessionBook(limits);
    this.#desk = new RequestDesk({
      limits,
      permissions,
      emit: (event) => this.#emit(event),
      deliver: (key, answer) => this.#driver.answer(key, answer),
      denyTool: (toolCallId, message) =>
        this.#emit(...this.#book.take({ news: "tool_ended", toolCallId, status: "denied", message }, this.#turnId)),
    });
    this.#driver = parts.makeDriver({
      clock,
      limits,
      write: (frame) => this.#write(frame),
      tell: (news) => news.forEach((each) => this.#take(each)),
      complain: (message) => this.#complain("invalid_frame", message),
    });
    this.#process = new SupervisedProcess({
      process,
      clock,
      limits,
      whenRoom: () => this.#whenRoom(),
      isHeld: () => this.#queue.isHolding,
      takeLine: (line) => this.#takeLine(line),
    });
    this.#ended = this.#process.ended.then((end) => this.#finish(end));
  }

  get nativeSessionId(): string {
    return this.#opened?.nativeSessionId ?? "";
  }

  get capabilities(): AgentCapabilities {
    return this.#capabilities;
  }

  get events(): AsyncIterable<AgentEvent> {
    return this.#queue;
  }

  /** Shakes hands. When that fails, nothing is left running. */
  async open(signal?: AbortSignal): Promise<void> {
    const { clock, limits } = this.#parts;
    const timeoutMs = limits["handshake.timeoutMs"];
    try {
      const gone = this.#process.exited.then(({ code, signal: by }) => {
        throw new Error(`ended (${by ?? `exit code ${code}`}) before it was ready`);
      });
      const opened = await within(clock, timeoutMs, firstOf(this.#driver.open(), gone, aborted(signal)));
      if (opened === "late") throw this.#startError("HANDSHAKE_TIMEOUT", `was not ready after ${timeoutMs} ms`);
      this.#ready(opened);
    } catch (error) {
      this.#queue.shed();
      await this.#process.end({ reason: "closed", message: "its start failed" }, 0);
      await this.#ended;
      if (signal?.aborted || isAgentError(error)) throw error;
      throw this.#startError("HANDSHAKE_FAILED", toError(error).message, error);
    }
  }

  async prompt(text: string): Promise<string> {
    this.#checkPrompt(text);
    if (this.#turn) throw new AgentError("TURN_RUNNING", `${this.provider} is still at ${this.#turn.turnId}`);
    const told = this.#preface + text;
    this.#preface = "";
    const turn = this.#beginTurn(text);
    try {
      await this.#driver.prompt(told);
    } catch (error) {
      if (this.#turn === turn) this.#endTurn("failed", failureOf(error));
    }
    return turn.turnId;
  }

  async steer(text: string): Promise<void> {
    this.#checkPrompt(text);
    if (!this.#capabilities.steer || !this.#driver.steer) {
      throw new AgentError("NOT_SUPPORTED", `${this.provider} takes no words while it works`);
    }
    const turn = this.#turn;
    if (!turn || this.#state !== "working") throw new AgentError("NO_TURN", `${this.provider} works on nothing`);
    await this.#driver.steer(text);
    this.#emit({ type: "turn.steered", turnId: turn.turnId, prompt: text });
  }

  interrupt(): Promise<void> {
    return this.#interrupt([]);
  }

  async answer(requestId: string, answer: Decision | Answers): Promise<void> {
    const key = await this.#desk.answer(requestId, answer);
    if (key !== undefined) await this.#interrupt([key]);
  }

  close({ graceMs = this.#parts.limits["close.graceMs"], isForGood = false } = {}): Promise<
    AgentEventOf<"process.exited">
  > {
    this.#closing ??= this.#close(graceMs, isForGood);
    return this.#closing.then(() => this.#ended);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** `alsoOpen`: requests that were decided and are answered by the turn's end. */
  async #interrupt(alsoOpen: readonly string[]): Promise<void> {
    const { clock, limits } = this.#parts;
    const turn = this.#turn;
    if (!turn || this.#state === "closing") return;
    if (this.#state === "working") {
      this.#move("interrupt");
      const keys = [...alsoOpen, ...this.#desk.openKeys];
      this.#desk.cancelAll("interrupt");
      // An agent that refuses, or says nothing, is waited for like any other.
      void this.#driver.interrupt(keys).catch(() => undefined);
    }
    const graceMs = limits["interrupt.graceMs"];
    if ((await within(clock, graceMs, turn.ended)) !== "late") return;
    if (this.#turn !== turn) return;
    const why = { reason: "interrupt_ignored", message: `it did not end its turn in ${graceMs} ms` } as const;
    await this.#process.end(why, limits["close.graceMs"]);
    await this.#ended;
  }

  async #close(graceMs: number, isForGood: boolean): Promise<void> {
    const { clock } = this.#parts;
    const isIdle = this.#turn === undefined;
    this.#move("close");
    this.#queue.shed();
    this.#desk.cancelAll("end");
    // A service that does not let go of it in time keeps it: that is no reason for the rest not to end.
    const retired = isForGood ? this.#driver.retire?.().catch(() => undefined) : undefined;
    if (retired) await within(clock, graceMs, retired);
    await this.#process.close(isIdle, graceMs);
  }

  #startError(code: "HANDSHAKE_TIMEOUT" | "HANDSHAKE_FAILED", message: string, cause?: unknown): AgentError {
    const { lastWords } = this.#process;
    const said = lastWords === "" ? "" : `; it said: ${lastWords}`;
    return new AgentError(code, `${this.provider}: ${message}${said}`, {}, { cause });
  }

  #ready(opened: OpenedSession): void {
    const { provider, resumed, resumeFailure } = this.#parts;
    const { nativeSessionId, model, agentVersion } = opened;
    this.#opened = opened;
    this.#capabilities = { ...this.#capabilities, ...opened.capabilities };
    this.#move("ready");
    const known = withoutUndefined({ resumeFailure, model, agentVersion });
    this.#emit({
      type: "session.ready",
      provider,
      nativeSessionId,
      resumed,
      ...known,
      capabilities: this.#capabilities,
    });
  }

  /** Before it is ready nobody reads its events, and what it must answer would wait behind them: it may say little. */
  #whenRoom(): Promise<void> | undefined {
    if (this.#state !== "starting") return this.#queue.whenRoom();
    // What still comes until it is gone is dropped: ending it is work that is done once.
    if (!this.#queue.isFull || this.#hasShouted) return undefined;
    this.#hasShouted = true;
    this.#queue.shed();
    void this.#process.end({ reason: "protocol_error", message: "it said too much before it was ready" }, 0);
    return undefined;
  }

  async #takeLine(line: JsonLine): Promise<void> {
    if (line.kind === "garbage") return this.#complain("garbage", `not JSON: ${line.text}`);
    if (line.kind === "oversized") return this.#complain("oversized_line", `a line of ${line.bytes} bytes was skipped`);
    this.#frameBytes = line.bytes;
    if (this.#parts.raw === "all") this.#emit({ type: "raw", direction: "in", frame: line.value });
    try {
      await this.#driver.receive(line.value);
    } catch (error) {
      this.#complain("invalid_frame", toError(error).message);
    }
    this.#frameBytes = 0;
    await this.#process.whenRead();
  }

  /** Some nonsense is told and forgiven; too much ends the agent. */
  #complain(kind: AgentEventOf<"protocol.error">["kind"], message: string): void {
    const { limits } = this.#parts;
    const most = limits["line.garbage"];
    if (this.#complaints >= most) return;
    this.#emit({ type: "protocol.error", kind, message, count: ++this.#complaints });
    if (this.#complaints < most) return;
    const why = { reason: "protocol_error", message: `${most} lines of it made no sense` } as const;
    void this.#process.end(why, limits["close.graceMs"]);
  }

  #take(news: News): void {
    switch (news.news) {
      case "turn_began":
        if (this.#state === "idle") this.#beginTurn(undefined);
        return;
      case "turn_ended":
        return this.#endTurn(news.status, news.error);
      case "approval":
        return this.#askApproval(news);
      case "question":
        return this.#desk.ask(questionEvent(news, this.#desk.nextId()), news.key, this.#isTurnOver);
      case "settled":
        return this.#desk.settle(news.key);
      case "raw":
        // With `all` it was told as it came.
        return this.#parts.raw === "all" ? undefined : this.#emit({ type: "raw", direction: "in", frame: news.frame });
      case "text":
      case "thought":
      case "message":
      case "tool":
      case "output":
      case "tool_ended":
      case "plan":
      case "diff":
      case "usage":
        return this.#emit(...this.#book.take(news, this.#turnId));
    }
  }

  #askApproval(news: ApprovalNews): void {
    if (news.tool) this.#emit(...this.#book.take({ news: "tool", ...news.tool }, this.#turnId));
    const known = news.tool && this.#book.tool(news.tool.toolCallId);
    const event = approvalEvent({ news, known, requestId: this.#desk.nextId(), capabilities: this.#capabilities });
    this.#desk.ask(event, news.key, this.#isTurnOver);
  }

  #checkPrompt(text: string): void {
    const most = this.#parts.limits["prompt.length"];
    if (this.#state === "closing" || this.#state === "ended") {
      throw new AgentError("SESSION_ENDED", `${this.provider} has ended`);
    }
    if (text.trim() === "") throw new AgentError("INVALID_PROMPT", "a prompt needs words");
    if (text.length > most) {
      throw new AgentError("INVALID_PROMPT", `a prompt has at most ${most} characters, this has ${text.length}`);
    }
  }

  #beginTurn(prompt: string | undefined): Turn {
    const { promise, resolve } = Promise.withResolvers<void>();
    const turn = { turnId: `turn-${++this.#turns}`, ended: promise, end: resolve };
    this.#turn = turn;
    this.#move("begin");
    this.#emit({ type: "turn.started", turnId: turn.turnId, ...withoutUndefined({ prompt }) });
    return turn;
  }

  #endTurn(status: TurnStatus, error: AgentFailure | undefined): void {
    const turn = this.#turn;
    if (!turn) return;
    this.#desk.cancelAll("end");
    this.#emit(...this.#book.endTurn(status));
    this.#turn = undefined;
    this.#emit({ type: "turn.ended", turnId: turn.turnId, status, ...withoutUndefined({ error }) });
    this.#move("end");
    turn.end();
  }

  #finish(end: ProcessEnd): AgentEventOf<"process.exited"> {
    const { reason, message } = end;
    this.#driver.ended(new AgentError("SESSION_ENDED", `${this.provider} has ended`));
    this.#endTurn(...turnEndOf(reason, `${this.provider}: ${message}`));
    this.#desk.cancelAll("end");
    this.#move("exit");
    const event = { type: "process.exited" as const, ...end, survivors: [...end.survivors] };
    this.#emit(event);
    this.#queue.end();
    return event;
  }

  get #turnId(): string {
    return this.#turn?.turnId ?? `turn-${this.#turns}`;
  }

  get #isTurnOver(): boolean {
    return this.#state === "interrupting" || this.#state === "closing";
  }

  #emit(...events: readonly AgentEvent[]): void {
    for (const event of events) {
      this.#queue.push(event, this.#frameBytes);
      this.#frameBytes = 0;
    }
  }

  #write(frame: unknown): Promise<void> {
    if (this.#parts.raw === "all") this.#emit({ type: "raw", direction: "out", frame });
    return this.#process.write(frame);
  }

  #move(move: MoveOf<typeof AGENT_SESSION_TRANSITIONS>): void {
    // No arrow, no move: a turn that ends while the session closes leaves it closing.
    this.#state = nextState(AGENT_SESSION_TRANSITIONS, this.#state, move) ?? this.#state;
  }
}
