import {
  displayText,
  isAgentError,
  type AgentEvent,
  type AgentEventOf,
  type AgentSession,
  type Answers,
  type Decision,
} from "@signalbox/agents";
import type { AnswerRefusal, SessionCommand, SessionEndReason, SessionFact, SessionFactOf } from "@signalbox/protocol";

import type { SessionDiffs } from "./session-diffs.ts";
import type { SessionInbox } from "./session-inbox.ts";
import type { SessionJournal } from "./session-journal.ts";
import { GO_ON, inputWords } from "./spoken-words.ts";
import type { StepWatch } from "./step-watch.ts";

export interface SessionConversationSettings {
  readonly session: AgentSession;
  readonly journal: SessionJournal;
  readonly inbox: SessionInbox;
  readonly diffs: Pick<SessionDiffs, "noteTurn" | "answer" | "finish">;
  /** Between asking the agent to end and killing it. */
  readonly graceMs: number;
  /** Answers for the step. Default: every question is somebody else's. */
  readonly watch?: StepWatch;
  /** Told when an agent that was told to end is gone with all that it started; what it said may still have to be written down. */
  readonly onGone?: () => void;
}

/** Speaks with an agent for one attempt: does what the session is told, and writes down everything that the agent says. */
export class SessionConversation implements AsyncDisposable {
  readonly #settings: SessionConversationSettings;
  #isViolated = false;
  #hasToldGone = false;
  /** The last thing that was noted beside what the agent says. */
  #noted: Promise<void> = Promise.resolve();

  constructor(settings: SessionConversationSettings) {
    this.#settings = settings;
  }

  /** Why the control plane had the agent closed, if it did. */
  get closed(): { readonly reason: SessionEndReason; readonly message?: string | undefined } | undefined {
    return this.#settings.inbox.closeWanted;
  }

  /** Begins with these words, and goes on until the agent has ended; resolves with its last event. */
  async run(firstWords: string | undefined): Promise<AgentEventOf<"process.exited">> {
    const { session, inbox } = this.#settings;
    if (inbox.closing.aborted) this.#close();
    else inbox.closing.addEventListener("abort", () => this.#close(), { once: true });
    const talking = this.#talk(firstWords);
    // Whichever of the two fails, the other must not wait for an agent that nobody hears or speaks to.
    talking.catch(() => session.close({ graceMs: 0 }));
    const exit = await this.#listen().catch(async (error: unknown) => {
      await session.close({ graceMs: 0 });
      throw error;
    });
    inbox.close();
    await talking;
    await this.#noted;
    await this.#settings.diffs.finish();
    return exit;
  }

  /** Ends the agent; somebody else says why. */
  async stop(): Promise<void> {
    this.#settings.journal.leave();
    await this.#end({});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#settings.inbox.close();
    await this.#settings.session[Symbol.asyncDispose]();
  }

  async #listen(): Promise<AgentEventOf<"process.exited">> {
    const { session, watch, diffs } = this.#settings;
    for await (const event of session.events) {
      await this.#hear(watch?.seen(event) ?? event);
      if (event.type === "turn.ended") diffs.noteTurn();
      await watch?.note(event);
      if (event.type === "process.exited") return event;
      if (watch?.violation !== undefined) this.#endFor(watch.violation);
    }
    throw new Error("the agent's events ended without its end");
  }

  /** What the agent does next would be no better. */
  #endFor(violation: string): void {
    if (this.#isViolated) return;
    this.#isViolated = true;
    const message = `the agent did what the step does not allow: ${displayText(violation)}`.slice(0, 4_000);
    this.#note({ fact: "ended", reason: "step_failed", message });
    void this.#settings.session.close({ graceMs: 0 });
  }

  /** What the step itself answers is nobody's to decide, so it is recorded and not asked. */
  async #hear(event: AgentEvent): Promise<void> {
    const { session, journal, watch } = this.#settings;
    const decision = event.type === "approval.requested" ? watch?.decide(event) : undefined;
    if (event.type !== "approval.requested" || decision === undefined) return journal.write(event);
    await journal.record(event);
    if (decision.decision === "deny") await journal.tell(deniedBy(event));
    await harmless(session.answer(event.requestId, decision));
  }

  async #talk(firstWords: string | undefined): Promise<void> {
    const { inbox } = this.#settings;
    if (firstWords !== undefined && !inbox.closing.aborted) await this.#say(firstWords);
    for await (const { seq, command } of inbox) {
      // First: what the agent does next must not be told before that it was told.
      this.#note({ fact: "taken", seq });
      // Who is ended hears nothing more.
      if (!inbox.closing.aborted) await this.#carryOut(command);
    }
  }

  /** Whoever stops the runner instead may want the conversation gone on with; here it is over. */
  #close(): void {
    void this.#end({ isForGood: true });
  }

  async #end(how: { readonly isForGood?: boolean }): Promise<void> {
    const { session, graceMs, onGone } = this.#settings;
    const { survivors } = await session.close({ graceMs, ...how });
    if (this.#hasToldGone || survivors.length > 0) return;
    this.#hasToldGone = true;
    onGone?.();
  }

  /**
   * Notes something in its place among what the agent says. What somebody wants of the agent does not wait for that: where
   * there is no room for more of its words, because it floods or the control plane is away, it could wait for ever.
   */
  #note(fact: SessionFact): void {
    const { journal, session } = this.#settings;
    this.#noted = journal.tell(fact);
    this.#noted.catch(() => session.close({ graceMs: 0 }));
  }

  async #carryOut(command: SessionCommand): Promise<void> {
    const { session, diffs } = this.#settings;
    switch (command.kind) {
      case "prompt":
        return this.#say(inputWords(command));
      case "steer":
        return this.#steer(inputWords(command));
      case "interrupt":
      case "pause":
        return harmless(session.interrupt());
      case "resume":
        return command.continues ? this.#say(GO_ON) : undefined;
      case "answer":
        return this.#answer(command);
      case "diff":
        return diffs.answer(command);
      case "close":
        // Done as soon as it came.
        return undefined;
    }
  }

  /** Words that the agent cannot be told are a turn that failed, so that nobody waits for one. */
  async #say(text: string): Promise<void> {
    const { session, inbox } = this.#settings;
    try {
      await session.prompt(text);
    } catch (error) {
      if (!isAgentError(error)) throw error;
      if (inbox.closing.aborted) return;
      this.#note({ fact: "turn_started" });
      this.#note({ fact: "turn_ended", status: "failed", error: error.message });
    }
  }

  /** Into the turn that goes on; where the agent cannot be steered, or has just come to its end, as the next one. */
  async #steer(text: string): Promise<void> {
    const { session } = this.#settings;
    try {
      if (session.capabilities.steer) return await session.steer(text);
      await session.interrupt();
    } catch (error) {
      if (!isAgentError(error)) throw error;
    }
    await this.#say(text);
  }

  /** A no needs no proof; a yes to something else than the agent waits with is a no. */
  async #answer(command: Extract<SessionCommand, { kind: "answer" }>): Promise<void> {
    const { journal } = this.#settings;
    const { requestId, approvalId, contentHash, decision, isLapsed = false, reason } = command;
    const refusal = journal.takeAnswer(requestId, contentHash);
    if (decision === "deny" && !isLapsed) return this.#deny(requestId, reason);
    const objection = isLapsed ? "APPROVAL_LAPSED" : refusal;
    const code = objection ?? ((await this.#allow(command)) ? undefined : "INVALID_ANSWER");
    if (code === undefined) return;
    const message = OBJECTIONS[code];
    await this.#deny(requestId, message);
    if (approvalId !== "") this.#note({ fact: "refused", approvalId, code, message });
  }

  /** Whether the agent takes the yes, or needs none any more; where it does not offer one for the whole session, once. */
  async #allow({ requestId, scope, answers }: Extract<SessionCommand, { kind: "answer" }>): Promise<boolean> {
    const { session } = this.#settings;
    const ways: (Decision | Answers)[] = answers
      ? [{ answers }]
      : [
          { decision: "allow", scope },
          { decision: "allow", scope: "once" },
        ];
    for (const way of ways) if (await fits(session.answer(requestId, way))) return true;
    return false;
  }

  #deny(requestId: string, reason: string | undefined): Promise<void> {
    const { session } = this.#settings;
    return harmless(session.answer(requestId, { decision: "deny", ...(reason === undefined ? {} : { reason }) }));
  }
}

const OBJECTIONS: Readonly<Record<AnswerRefusal, string>> = {
  CONTENT_CHANGED: "what was allowed is not what was asked",
  NOT_WAITING: "the agent does not wait for this answer",
  INVALID_ANSWER: "the answer does not fit what was asked",
  APPROVAL_LAPSED: "who allowed it may not decide any more",
};

function deniedBy({ name, kind, command, title }: AgentEventOf<"approval.requested">): SessionFactOf<"denied"> {
  const action = displayText(name ?? kind).slice(0, 200) || kind;
  return { fact: "denied", action, description: displayText(command ?? title).slice(0, 4_000) };
}

/** Whether the agent takes an answer, or needs none any more. */
async function fits(answering: Promise<void>): Promise<boolean> {
  try {
    await answering;
    return true;
  } catch (error) {
    if (!isAgentError(error)) throw error;
    return error.code !== "INVALID_ANSWER";
  }
}

/** The agent is over, or no longer waits: what it did instead is in its events. */
async function harmless(doing: Promise<void>): Promise<void> {
  try {
    await doing;
  } catch (error) {
    if (!isAgentError(error)) throw error;
  }
}
