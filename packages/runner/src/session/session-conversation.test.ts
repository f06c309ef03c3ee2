import { AgentError, type AgentEvent, type AgentEventOf, type AgentSession, type Decision } from "@signalbox/agents";
import type { SessionCommand, SessionFact } from "@signalbox/protocol";
import { hashApprovalContent } from "@signalbox/protocol/hash";
import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { createRedactor } from "../redaction/redactor.ts";
import { SessionConversation } from "./session-conversation.ts";
import { SessionInbox } from "./session-inbox.ts";
import { SessionJournal } from "./session-journal.ts";

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
class FakeSession implements AgentSession {
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

/** A conversation with a fake agent; what is recorded of it, and a way to tell it something. */
function converse(firstWords?: string, session = new FakeSession()) {
  const inbox = new SessionInbox();
  const facts: SessionFact[] = [];
  const redactor = createRedactor([]);
  const journal = new SessionJournal({
    orgId: "default",
    sessionId: "ses_1.0",
    attemptId: "att_1",
    epoch: 1,
    redact: (text) => text,
    redaction: () => redactor.stream(),
    say: async (text, stream) => void (stream === "session" && facts.push(JSON.parse(text) as SessionFact)),
  });
  const conversation = new SessionConversation({ session, journal, inbox, graceMs: 10 });
  const ended = conversation.run(firstWords);
  ended.catch(() => undefined);
  let seq = 0;
  const tell = (command: SessionCommand) => inbox.deliver({ seq: ++seq, taken: 0, command });
  return { session, conversation, inbox, facts, ended, tell };
}

const ASKED: AgentEvent = {
  type: "approval.requested",
  requestId: "r1",
  kind: "command",
  title: "Run it",
  command: "npm publish",
  canEditInput: false,
  options: [],
};
const CLOSE: SessionCommand = { kind: "close", reason: "finished" };

/** Lets the agent ask, and answers with the hash of what it asked unless told otherwise. */
async function askAndAnswer(
  talk: ReturnType<typeof converse>,
  answer: Partial<Extract<SessionCommand, { kind: "answer" }>> = {},
): Promise<void> {
  talk.session.say(ASKED);
  const asked = await eventually(() => talk.facts.find((fact) => fact.fact === "asked"));
  const { requestId, kind, action, description, context, questions } = asked;
  const contentHash = hashApprovalContent({
    v: 1,
    orgId: "default",
    sessionId: "ses_1.0",
    kind,
    action,
    description,
    context,
    questions,
    origin: { attemptId: "att_1", epoch: 1, requestId },
  });
  talk.tell({
    kind: "answer",
    requestId,
    approvalId: "apr_1",
    contentHash,
    decision: "allow",
    scope: "once",
    ...answer,
  });
}

describe("a conversation with an agent", () => {
  it("begins with the task, and records that a command was taken before anything that comes of it", async () => {
    const talk = converse("Do it");

    talk.tell({ kind: "prompt", inputId: "i1", text: "more" });
    talk.tell(CLOSE);
    const exit = await talk.ended;

    expect(talk.session.told).toEqual(["prompt Do it", "prompt more", "close"]);
    expect(talk.facts).toEqual([
      { fact: "taken", seq: 1 },
      { fact: "taken", seq: 2 },
      { fact: "ended", reason: "finished" },
    ]);
    expect([exit.reason, talk.conversation.closedBecause]).toEqual(["closed", "finished"]);
  });

  it("says nothing by itself where there is nothing to say yet", async () => {
    const talk = converse();

    talk.tell(CLOSE);
    await talk.ended;

    expect(talk.session.told).toEqual(["close"]);
  });

  it("tells of words that an agent does not take as of a turn that failed, so that nobody waits for one", async () => {
    const talk = converse();
    talk.session.refusals = { prompt: new AgentError("INVALID_PROMPT", "too long") };

    talk.tell({ kind: "prompt", inputId: "i1", text: "x" });
    talk.tell(CLOSE);
    await talk.ended;

    expect(talk.facts.slice(1, 3)).toEqual([
      { fact: "turn_started" },
      { fact: "turn_ended", status: "failed", error: "too long" },
    ]);
  });

  it.each([
    ["can be steered", true, undefined, ["steer now", "close"]],
    ["cannot be steered", false, undefined, ["interrupt", "prompt now", "close"]],
    ["has just ended its turn", true, new AgentError("NO_TURN", "no turn"), ["prompt now", "close"]],
  ])("steers an agent that %s", async (_name, steer, refusal, told) => {
    const talk = converse();
    talk.session.capabilities = { steer } as AgentSession["capabilities"];
    if (refusal) talk.session.refusals = { steer: refusal };

    talk.tell({ kind: "steer", inputId: "i1", text: "now" });
    talk.tell(CLOSE);
    await talk.ended;

    expect(talk.session.told).toEqual(told);
  });

  it("interrupts for a pause, and lets the turn go on after it", async () => {
    const talk = converse();

    talk.tell({ kind: "pause" });
    talk.tell({ kind: "resume", continues: true });
    talk.tell({ kind: "resume", continues: false });
    talk.tell(CLOSE);
    await talk.ended;

    expect(talk.session.told).toEqual(["interrupt", "prompt You were interrupted. Go on where you were.", "close"]);
  });

  it("ends, and does not hang, when what is said cannot be recorded", async () => {
    const talk = converse("Do it");

    talk.session.fail(new Error("the disk is full"));

    await expect(talk.ended).rejects.toThrow("the disk is full");
    expect(talk.session.told).toContain("close");
  });

  it("closes the agent when speaking to it fails in a way that nobody expected", async () => {
    const talk = converse();
    talk.session.prompt = async () => {
      throw new TypeError("a bug");
    };

    talk.tell({ kind: "prompt", inputId: "i1", text: "x" });

    await expect(talk.ended).rejects.toThrow("a bug");
    expect(talk.session.told).toEqual(["close"]);
  });
});

describe("an answer to what an agent asked", () => {
  it("reaches the agent when it is to exactly what the agent waits with", async () => {
    const talk = converse();

    await askAndAnswer(talk);
    await eventually(() => talk.session.told.length > 0);

    expect(talk.session.told).toEqual([["r1", { decision: "allow", scope: "once" }]]);
  });

  it("is a no when it says yes to another content", async () => {
    const talk = converse();

    await askAndAnswer(talk, { contentHash: "0".repeat(64) });
    await eventually(() => talk.session.told.length > 0);

    expect(talk.session.told).toEqual([["r1", { decision: "deny", reason: "what was allowed is not what was asked" }]]);
  });

  it("needs no proof when it is a no", async () => {
    const talk = converse();

    await askAndAnswer(talk, { decision: "deny", contentHash: "", reason: "not today" });
    await eventually(() => talk.session.told.length > 0);

    expect(talk.session.told).toEqual([["r1", { decision: "deny", reason: "not today" }]]);
  });

  it("counts once where the agent does not offer to allow all like it", async () => {
    const talk = converse();
    const isForSession = (told: unknown) => (told as [string, Decision])[1].decision === "allow" && hasScope(told);
    talk.session.refusals = {
      answer: (told) => (isForSession(told) ? new AgentError("INVALID_ANSWER", "not offered") : undefined),
    };

    await askAndAnswer(talk, { scope: "session" });
    await eventually(() => talk.session.told.length > 0);

    expect(talk.session.told).toEqual([["r1", { decision: "allow", scope: "once" }]]);
  });

  it("is a no when it does not fit, so that the agent does not wait for ever", async () => {
    const talk = converse();
    talk.session.refusals = {
      answer: (told) =>
        (told as [string, object])[1] && "answers" in (told as [string, object])[1]
          ? new AgentError("INVALID_ANSWER", "no such option")
          : undefined,
    };

    await askAndAnswer(talk, { answers: { q1: ["purple"] } });
    await eventually(() => talk.session.told.length > 0);

    expect(talk.session.told).toEqual([["r1", { decision: "deny", reason: "the answer does not fit what was asked" }]]);
  });

  it("that comes too late changes nothing", async () => {
    const talk = converse();
    talk.session.refusals = { answer: new AgentError("UNKNOWN_REQUEST", "it is over") };

    await askAndAnswer(talk);
    talk.tell(CLOSE);
    await talk.ended;

    expect(talk.session.told).toEqual(["close"]);
  });
});

function hasScope(told: unknown): boolean {
  return (told as [string, { scope?: string }])[1].scope === "session";
}
