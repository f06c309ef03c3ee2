import { AgentError, type AgentEvent, type AgentSession, type Decision } from "@signalbox/agents";
import type { SessionCommand } from "@signalbox/protocol";
import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { askAndAnswer, converse, FakeSession } from "../../test/_support/conversation.ts";
import { SessionInbox } from "./session-inbox.ts";

const CLOSE: SessionCommand = { kind: "close", reason: "finished" };
const SAID: AgentEvent = { type: "text.delta", messageId: "m1", text: "word" };

/** Resolves when what was told has been done: nothing here waits for more than promises. */
const done = () => new Promise(setImmediate);

describe("a conversation with an agent", () => {
  it("begins with the task, and records that a command was taken before anything that comes of it", async () => {
    const talk = converse("Do it");

    talk.tell({ kind: "prompt", inputId: "i1", text: "more" });
    await done();
    talk.tell(CLOSE);
    const exit = await talk.ended;

    expect(talk.session.told).toEqual(["prompt Do it", "prompt more", "close"]);
    expect(talk.facts).toEqual([
      { fact: "taken", seq: 1 },
      { fact: "taken", seq: 2 },
      { fact: "ended", reason: "finished" },
    ]);
    expect([exit.reason, talk.conversation.closed?.reason]).toEqual(["closed", "finished"]);
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
    await done();
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
    await done();
    talk.tell(CLOSE);
    await talk.ended;

    expect(talk.session.told).toEqual(told);
  });

  it("interrupts for a pause, and lets the turn go on after it", async () => {
    const talk = converse();

    talk.tell({ kind: "pause" });
    talk.tell({ kind: "resume", continues: true });
    talk.tell({ kind: "resume", continues: false });
    await done();
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

describe("what somebody wants of an agent", () => {
  // Seen red: each waited until the words before it had found room, which they may never do.
  it.each([
    ["an interrupt", { kind: "interrupt" }, "interrupt"],
    ["a pause", { kind: "pause" }, "interrupt"],
    ["words", { kind: "prompt", inputId: "i1", text: "more" }, "prompt more"],
    ["words into its turn", { kind: "steer", inputId: "i1", text: "more" }, "steer more"],
    ["the end", CLOSE, "close"],
  ] satisfies [string, SessionCommand, string][])(
    "is done at once, though there is no room for its words: %s",
    async (_, command, told) => {
      const talk = converse();
      talk.hold();
      talk.session.say(SAID);
      await done();

      talk.tell(command);
      await done();

      expect(talk.session.told).toEqual([told]);
      expect(talk.lines).toEqual([]);
      talk.admit();
      await done();
      expect(talk.lines.slice(0, 2)).toEqual(["text.delta", "taken"]);
    },
  );

  it("is not done any more when it is to end, and the end waits for nothing that came before it", async () => {
    const talk = converse();
    talk.session.interrupt = () => new Promise(() => undefined);
    talk.tell({ kind: "interrupt" });
    await done();

    talk.tell({ kind: "prompt", inputId: "i1", text: "more" });
    talk.tell(CLOSE);
    await done();

    expect(talk.session.told).toEqual(["close"]);
  });

  it("is not begun when it is to end before it has begun", async () => {
    const inbox = new SessionInbox();
    inbox.deliver({ seq: 1, taken: 0, command: CLOSE });
    const talk = converse("Do it", new FakeSession(), inbox);

    await talk.ended;

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

  // Red where `isLapsed` is not looked at.
  it("that is a yes of somebody who may not decide any more is a no, and the record says why", async () => {
    const talk = converse();

    await askAndAnswer(talk, { decision: "deny", isLapsed: true });
    await eventually(() => talk.session.told.length > 0);
    talk.tell(CLOSE);
    await talk.ended;

    const message = "who allowed it may not decide any more";
    expect(talk.session.told[0]).toEqual(["r1", { decision: "deny", reason: message }]);
    expect(talk.facts.filter(({ fact }) => fact === "refused")).toEqual([
      { fact: "refused", approvalId: "apr_1", code: "APPROVAL_LAPSED", message },
    ]);
  });

  it("that comes too late changes nothing", async () => {
    const talk = converse();
    talk.session.refusals = { answer: new AgentError("UNKNOWN_REQUEST", "it is over") };

    await askAndAnswer(talk);
    await done();
    talk.tell(CLOSE);
    await talk.ended;

    expect(talk.session.told).toEqual(["close"]);
  });
});

function hasScope(told: unknown): boolean {
  return (told as [string, { scope?: string }])[1].scope === "session";
}
