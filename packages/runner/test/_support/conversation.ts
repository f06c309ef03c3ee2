import type { AgentError, AgentEvent, AgentEventOf, AgentSession } from "@signalbox/agents";
import type { ApprovalContent, SessionCommand, SessionFact, SessionFactOf } from "@signalbox/protocol";
import { hashApprovalContent } from "@signalbox/protocol/hash";
import { eventually } from "@signalbox/testkit";

import { createRedactor } from "../../src/redaction/redactor.ts";
import { SessionConversation } from "../../src/session/session-conversation.ts";
import { SessionDiffs } from "../../src/session/session-diffs.ts";
import { SessionInbox } from "../../src/session/session-inbox.ts";
import { SessionJournal } from "../../src/session/session-journal.ts";

/** Where the agent is at work. */
const PLACE = { orgId: "default", sessionId: "ses_1.0", attemptId: "att_1", epoch: 1 };

const EXIT: AgentEventOf<"process.exited"> = {
  type: "process.exited",
  code: 0,
  signal: null,
  reason: "closed",
  message: "it was closed",
  stderr: "",
  survivors: [],
};

/** An agent that does what a test says, and remembers what it was told. */
export class FakeSession implements AgentSession {
  readonly provider = "codex";
  readonly nativeSessionId = "native-1";
  readonly told: unknown[] = [];
  capabilities = { steer: true } as AgentSession["capabilities"];
  refusals: Partial<Record<"prompt" | "steer" | "answer", AgentError | ((answer: unknown) => AgentError | undefined)>> =
    {};
  readonly #events: AgentEvent[] = [];
  #wake: () => void = () => undefined;
  #isOver = false;
  failure: Error | undefined;

  get events(): AsyncIterable<AgentEvent> {
    return this.#read();
  }

  say(event: AgentEvent): void {
    this.#events.push(event);
    this.#wake();
  }

  fail(error: Error): void {
    this.failure = error;
    this.#wake();
  }

  prompt = async (text: string) => this.#take("prompt", text, "turn-1");
  steer = async (text: string) => this.#take("steer", text, undefined);
  interrupt = async () => void this.told.push("interrupt");
  answer = async (requestId: string, answer: unknown) => this.#take("answer", [requestId, answer], undefined);

  async close(): Promise<AgentEventOf<"process.exited">> {
    if (!this.#isOver) {
      this.#isOver = true;
      this.told.push("close");
      this.say(EXIT);
    }
    return EXIT;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #take<T>(what: "prompt" | "steer" | "answer", told: unknown, answer: T): Promise<T> {
    const refusal = this.refusals[what];
    const error = typeof refusal === "function" ? refusal(told) : refusal;
    if (error) throw error;
    this.told.push(what === "answer" ? told : `${what} ${String(told)}`);
    return answer;
  }

  async *#read(): AsyncGenerator<AgentEvent> {
    for (;;) {
      if (this.failure) throw this.failure;
      const next = this.#events.shift();
      if (next) yield next;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

/** A journal, and the facts that it has written. While it is held there is no room for a line more. */
export function journalOf() {
  const facts: SessionFact[] = [];
  /** What each line is about. */
  const lines: string[] = [];
  let room = Promise.resolve();
  let admit = (): void => undefined;
  const hold = (): void => {
    room = new Promise((resolve) => (admit = resolve));
  };
  const redactor = createRedactor([]);
  const journal = new SessionJournal({
    ...PLACE,
    redact: (text) => text,
    redaction: () => redactor.stream(),
    say: async (text, stream) => {
      await room;
      const line = JSON.parse(text) as AgentEvent | SessionFact;
      lines.push("fact" in line ? line.fact : line.type);
      if (stream === "session") facts.push(line as SessionFact);
    },
  });
  return { journal, facts, lines, hold, admit: () => admit() };
}

/** A conversation with a fake agent; what is recorded of it, and a way to tell it something. */
export function converse(firstWords?: string, session = new FakeSession(), inbox = new SessionInbox()) {
  const { journal, ...written } = journalOf();
  const diffs = new SessionDiffs({ diff: undefined, journal });
  const conversation = new SessionConversation({ session, journal, inbox, diffs, graceMs: 10 });
  const ended = conversation.run(firstWords);
  ended.catch(() => undefined);
  let seq = 0;
  const tell = (command: SessionCommand) => inbox.deliver({ seq: ++seq, taken: 0, command });
  return { session, conversation, inbox, ended, tell, ...written };
}

export const ASKED: AgentEvent = {
  type: "approval.requested",
  requestId: "r1",
  kind: "command",
  title: "Run it",
  command: "npm publish",
  canEditInput: false,
  options: [],
};
/** What the control plane makes of a line in which an agent asks. */
export function contentOf(asked: SessionFactOf<"asked">): ApprovalContent {
  const { requestId, kind, action, description, context, questions } = asked;
  const { orgId, sessionId, attemptId, epoch } = PLACE;
  const origin = { attemptId, epoch, requestId };
  return { v: 1, orgId, sessionId, kind, action, description, context, questions, origin };
}

/** Lets the agent ask, and answers with the hash of what it asked unless told otherwise. */
export async function askAndAnswer(
  talk: ReturnType<typeof converse>,
  answer: Partial<Extract<SessionCommand, { kind: "answer" }>> = {},
): Promise<void> {
  talk.session.say(ASKED);
  const asked = await eventually(() => talk.facts.find((fact) => fact.fact === "asked"));
  talk.tell({
    kind: "answer",
    requestId: asked.requestId,
    approvalId: "apr_1",
    contentHash: hashApprovalContent(contentOf(asked)),
    decision: "allow",
    scope: "once",
    ...answer,
  });
}
