import { eventually, PATIENCE_MS } from "@signalbox/testkit";

import type { AgentEvent, AgentEventOf, AgentEventType, AgentSession, Answers, Decision } from "../../src/index.ts";

/** How a request of the agent is answered; undefined leaves it open. */
export type Answering = (
  event: AgentEventOf<"approval.requested"> | AgentEventOf<"question.requested">,
) => Decision | Answers | undefined;

/** A session whose events are all read and kept, and whose requests are answered by a rule that a test can change. */
export class Conversation implements AsyncDisposable {
  readonly session: AgentSession;
  readonly events: AgentEvent[] = [];
  answering: Answering = () => undefined;
  readonly #reading: Promise<void>;

  constructor(session: AgentSession) {
    this.session = session;
    this.#reading = this.#read();
  }

  /** Says something and waits for the turn's end. Answers the events of the turn. */
  async turn(prompt: string, answering?: Answering): Promise<AgentEvent[]> {
    if (answering) this.answering = answering;
    // It may not have been read yet.
    await this.until("session.ready");
    const from = this.events.length;
    await this.session.prompt(prompt);
    await this.until("turn.ended", from);
    return this.events.slice(from);
  }

  /** The first event of a type since the event number `from`. */
  async until<Type extends AgentEventType>(type: Type, from = 0): Promise<AgentEventOf<Type>> {
    const found = await eventually(() => this.events.slice(from).find((event) => event.type === type), {
      timeoutMs: WAIT_MS,
    });
    // Found by its type.
    return found as AgentEventOf<Type>;
  }

  /** All events of a type. */
  all<Type extends AgentEventType>(type: Type): AgentEventOf<Type>[] {
    return eventsOf(this.events, type);
  }

  async close(options?: { readonly graceMs?: number }): Promise<AgentEventOf<"process.exited">> {
    const exit = await this.session.close(options);
    await this.#reading;
    return exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close({ graceMs: 1_000 });
  }

  async #read(): Promise<void> {
    for await (const event of this.session.events) {
      this.events.push(event);
      if (event.type !== "approval.requested" && event.type !== "question.requested") continue;
      const answer = this.answering(event);
      if (answer) await this.session.answer(event.requestId, answer);
    }
  }
}

/** The events of one type among others. */
export function eventsOf<Type extends AgentEventType>(events: readonly AgentEvent[], type: Type): AgentEventOf<Type>[] {
  return events.filter((event): event is AgentEventOf<Type> => event.type === type);
}

/** All that was said, in one string. */
export function textOf(events: readonly AgentEvent[]): string {
  return eventsOf(events, "text.delta")
    .map(({ text }) => text)
    .join("");
}

export const allow: Answering = (event) => (event.type === "approval.requested" ? { decision: "allow" } : undefined);
export const deny: Answering = () => ({ decision: "deny", reason: "not this one" });

/** Real agents on a busy machine. */
/** A real agent may take seconds to begin. */
const WAIT_MS = 2 * PATIENCE_MS;
