import type { SessionFact } from "@signalbox/protocol";
import { readCommands } from "@signalbox/store";
import { describe, expect, it } from "vitest";

import { READY, Rig } from "../../../test/_support/session-rig.ts";

describe("a session", () => {
  it("is opened with the run that it is the work of, and waits for a runner", async () => {
    await using rig = await Rig.open();

    expect(await rig.row()).toMatchObject({ state: "QUEUED", provider: "codex", run_id: rig.runId, ended_at: null });
    expect(await rig.events()).toEqual(["session.created", "session.state_changed"]);
  });

  it("runs when its agent says that it is ready", async () => {
    await using rig = await Rig.open();
    await rig.hold();
    const before = await rig.state();

    const verdict = await rig.record({ fact: "ready", nativeSessionId: "native-1", hasTerminal: true });

    expect([before, await rig.state()]).toEqual(["QUEUED", "RUNNING"]);
    expect(await rig.progress()).toMatchObject({ nativeSessionId: "native-1", isReady: true, hasTerminal: true });
    expect(verdict?.session).toMatchObject({ sessionId: rig.sessionId, state: "RUNNING" });
  });

  it("reads facts that arrive in pieces, whatever character they are cut in", async () => {
    await using rig = await Rig.ready();
    const line = Buffer.from(`${JSON.stringify({ fact: "turn_ended", status: "failed", error: "zu spät 🙁" })}\n`);
    await rig.record({ fact: "turn_started" });
    const { sessionId, held } = rig;

    for (const byte of line) {
      const { attemptId, epoch, runnerId } = held;
      const [{ length } = { length: 0 }] = await rig.fleet.store.all<{ length: number }>(
        "SELECT length FROM output_streams WHERE stream = 'session'",
      );
      const piece = { attemptId, epoch, stream: "session" as const, offset: length, length: 1, bytes: Buffer.of(byte) };
      await rig.fleet.store.run("appendOutput", { runnerId, pieces: [piece], maxBytes: 1e6, now: rig.fleet.now });
    }

    const row = await rig.fleet.store.get<{ data: string }>(
      "SELECT data FROM events WHERE stream = ? AND type = 'turn.ended'",
      sessionId,
    );
    expect(JSON.parse(row?.data ?? "null")).toMatchObject({ status: "failed", error: "zu spät 🙁" });
  });

  it("passes over lines that are no facts", async () => {
    await using rig = await Rig.ready();

    await rig.bytes('nonsense\n{"fact":"conquered"}\n{"fact":"turn_started"}\n');

    expect((await rig.progress()).isWorking).toBe(true);
  });

  it("is told to close when its task is done, and completed when its step is", async () => {
    await using rig = await Rig.ready();

    await rig.turn();
    const told = await rig.commands();
    await rig.record({ fact: "taken", seq: 1 });
    await rig.fleet.finish(rig.held, {}, {});

    expect(told).toEqual(["close finished"]);
    expect(await rig.row()).toMatchObject({ state: "COMPLETED", ended_at: rig.fleet.now });
    expect((await rig.events()).at(-1)).toBe("session.completed");
  });

  it("fails with its task when a turn failed", async () => {
    await using rig = await Rig.ready();

    await rig.turn("failed");
    await rig.fleet.finish(rig.held, { outcome: "failed", reason: "tool_failure" });

    expect(await rig.state()).toBe("FAILED");
    expect((await rig.progress()).reason).toBe("agent_failed");
  });

  it("says that its agent crashed, not only that a turn failed with it", async () => {
    await using rig = await Rig.ready();
    await rig.record({ fact: "turn_started" }, { fact: "turn_ended", status: "failed", error: "agent_exited: gone" });
    await rig.record({ fact: "ended", reason: "agent_crashed", message: "it ended with exit code 1" });
    const { reason, message } = await rig.progress();

    expect({ reason, message }).toEqual({ reason: "agent_crashed", message: "it ended with exit code 1" });
  });

  it("waits for somebody after a turn that was interrupted", async () => {
    await using rig = await Rig.ready();

    await rig.turn("cancelled");

    expect([await rig.state(), await rig.commands()]).toEqual(["RUNNING", []]);
  });

  it("goes back into the queue when its runner is lost, and on where it was", async () => {
    await using rig = await Rig.ready();
    await rig.record({ fact: "turn_started" });
    await rig.ask();

    await rig.fleet.lose(rig.held);
    const lost = await rig.progress();
    const [approval] = await rig.approvals();
    await rig.hold();
    await rig.record({ fact: "ready", nativeSessionId: "native-1", resumed: "loaded", hasTerminal: false });

    expect(lost).toMatchObject({ attemptId: null, wasWorking: true, isWorking: false, nativeSessionId: "native-1" });
    expect(approval?.state).toBe("superseded");
    expect(await rig.state()).toBe("RUNNING");
    expect(await rig.progress()).toMatchObject({ epoch: 2, resumed: "loaded" });
  });

  it("tells the next runner what the one before did not take, and not what was for that one only", async () => {
    await using rig = await Rig.ready({ mode: "interactive" });
    await rig.turn();
    await rig.say("more");
    await rig.fleet.store.run("pauseSession", rig.about());
    await rig.fleet.store.run("resumeSession", rig.about());
    await rig.fleet.lose(rig.held);
    await rig.hold();

    const verdict = await rig.bytes(READY);

    expect(verdict?.session?.commands).toMatchObject([{ seq: 4, command: { kind: "prompt", text: "more" } }]);
    expect(await rig.progress()).toMatchObject({ taken: 3, commands: 4 });
  });

  it("is not moved by facts of an attempt that was lost", async () => {
    await using rig = await Rig.ready();
    const old = rig.held;
    await rig.fleet.lose(old);
    await rig.hold();

    const late = Buffer.byteLength(READY);
    const verdict = await rig.fleet.output(old, late, '{"fact":"turn_started"}\n', { stream: "session" });

    expect(verdict?.kind).toBe("fenced");
    expect((await rig.progress()).isWorking).toBe(false);
  });

  it("times out with its run", async () => {
    await using rig = await Rig.ready();
    await rig.fleet.finish(rig.held, { outcome: "failed", reason: "timeout" });

    expect(await rig.state()).toBe("TIMED_OUT");
  });

  it("is refused when the org has as many as it may have", async () => {
    await using rig = await Rig.open();
    const terms = { maxSessions: 1, dataTtlMs: 1, approvalMs: 1, inactivityMs: 1 };

    const second = rig.fleet.createRun([{ name: "session", tool: "agent:codex", inputs: { task: "More" } }], {
      sessionTerms: terms,
    });

    await expect(second).rejects.toMatchObject({ code: "SESSION_LIMIT_EXCEEDED" });
  });

  it("is forgotten when the time for its data is over, and its run is not", async () => {
    await using rig = await Rig.ready();
    await rig.turn();
    await rig.fleet.finish(rig.held);
    rig.fleet.now += 86_400_000;

    await rig.fleet.fire(`session.forget:${rig.sessionId}`);

    await expect(rig.row()).rejects.toThrow("no session");
    expect(await rig.events()).toEqual([]);
    expect(await rig.fleet.states(rig.runId)).toBe("succeeded: succeeded");
  });
});

describe("inputs of a session", () => {
  it("are given to an agent that has nothing to do, and wait for one that works, in their order", async () => {
    await using rig = await Rig.ready({ mode: "interactive" });
    await rig.record({ fact: "turn_started" });
    await rig.say("first");
    await rig.say("second");
    const whileWorking = await rig.commands();

    await rig.record({ fact: "turn_ended", status: "completed" });
    await rig.record({ fact: "taken", seq: 1 });
    await rig.turn();

    expect(whileWorking).toEqual([]);
    expect(await rig.commands()).toEqual(["prompt first", "prompt second"]);
    expect((await rig.events()).filter((type) => type.startsWith("input."))).toEqual([
      "input.queued",
      "input.queued",
      "input.taken",
    ]);
  });

  it("steer the turn that goes on at once", async () => {
    await using rig = await Rig.ready();
    await rig.record({ fact: "turn_started" });

    await rig.say("rather in red", "steer");

    expect(await rig.commands()).toEqual(["steer rather in red"]);
  });

  it("keep a task alive until they are done", async () => {
    await using rig = await Rig.ready();
    await rig.record({ fact: "turn_started" });
    await rig.say("and tests");

    await rig.record({ fact: "turn_ended", status: "completed" });
    await rig.record({ fact: "taken", seq: 1 });
    await rig.turn();

    expect(await rig.commands()).toEqual(["prompt and tests", "close finished"]);
  });

  it("can be withdrawn and put into another order while they wait", async () => {
    await using rig = await Rig.ready();
    await rig.record({ fact: "turn_started" });
    const [a, b, c] = [await rig.say("a"), await rig.say("b"), await rig.say("c")].map(({ inputId }) => inputId);
    const inputIds = [c!, a!];

    await rig.fleet.store.run("withdrawInput", { ...rig.about(), inputId: b! });
    await rig.fleet.store.run("reorderInputs", { ...rig.about(), inputIds });

    expect((await rig.progress()).queue.map(({ text }) => text)).toEqual(["c", "a"]);
    await expect(rig.fleet.store.run("withdrawInput", { ...rig.about(), inputId: b! })).rejects.toMatchObject({
      code: "INPUT_NOT_FOUND",
    });
    await expect(rig.fleet.store.run("reorderInputs", { ...rig.about(), inputIds: [a!, a!] })).rejects.toMatchObject({
      code: "CONTENT_CHANGED",
    });
  });

  it("are refused by a session that has ended or is about to", async () => {
    await using rig = await Rig.ready();
    await rig.turn();

    await expect(rig.say("more")).rejects.toMatchObject({ code: "INVALID_STATE" });
  });

  it("wait while the session is paused", async () => {
    await using rig = await Rig.ready({ mode: "interactive" });
    await rig.turn();
    await rig.fleet.store.run("pauseSession", rig.about());
    await rig.record({ fact: "taken", seq: 1 });

    await rig.say("later");
    const paused = await rig.commands();
    await rig.fleet.store.run("resumeSession", rig.about());
    await rig.record({ fact: "taken", seq: 2 });

    expect(paused).toEqual(["pause"]);
    expect(await rig.commands()).toEqual(["pause", "resume", "prompt later"]);
  });
});

describe("approvals of a session", () => {
  it("hold it until they are answered, and the answer goes to the agent with the hash of what was asked", async () => {
    await using rig = await Rig.ready();
    await rig.record({ fact: "turn_started" });
    await rig.ask();
    const waiting = await rig.state();
    const [approval] = await rig.approvals();

    const { commands } = await rig.resolve("allow");

    expect([waiting, await rig.state()]).toEqual(["WAITING_FOR_APPROVAL", "RUNNING"]);
    expect(commands).toMatchObject([
      { command: { kind: "answer", requestId: "req-1", decision: "allow", contentHash: approval?.content_hash } },
    ]);
  });

  it("count the first answer; the same again changes nothing, another is refused", async () => {
    await using rig = await Rig.ready();
    await rig.ask();
    await rig.resolve("deny");
    const events = await rig.events();
    const [approval] = await rig.approvals();
    const again = (move: "allow" | "deny") =>
      rig.fleet.store.run("resolveApproval", { ...rig.about(), approvalId: approval?.id ?? "", move, scope: "once" });

    await again("deny");

    expect(await rig.events()).toEqual(events);
    expect(await rig.commands()).toEqual(["answer deny"]);
    await expect(again("allow")).rejects.toMatchObject({ code: "INVALID_STATE" });
  });

  it("decide nothing for another content, another session or another org", async () => {
    await using rig = await Rig.ready();
    await rig.ask();

    await expect(rig.resolve("allow", { contentHash: "0".repeat(64) })).rejects.toMatchObject({
      code: "CONTENT_CHANGED",
    });
    await expect(rig.resolve("allow", { sessionId: "ses_other.0" })).rejects.toMatchObject({
      code: "APPROVAL_NOT_FOUND",
    });
    await expect(rig.resolve("allow", { orgId: "org-b" })).rejects.toMatchObject({ code: "APPROVAL_NOT_FOUND" });
    expect((await rig.approvals())[0]?.state).toBe("pending");
  });

  it("expire, and that means no, also for an answer that comes too late", async () => {
    await using rig = await Rig.ready();
    await rig.ask();
    const [approval] = await rig.approvals();
    rig.fleet.now = approval!.expires_at;

    await expect(rig.resolve("allow")).rejects.toMatchObject({ code: "INVALID_STATE" });
    await rig.fleet.fire(`approval.expire:${approval!.id}`);

    expect((await rig.approvals())[0]?.state).toBe("expired");
    expect(await rig.commands()).toEqual(["answer deny"]);
  });

  it("are void when the agent no longer waits, or its turn is over", async () => {
    await using rig = await Rig.ready({ mode: "interactive" });
    await rig.record({ fact: "turn_started" });
    await rig.ask("req-1");
    await rig.ask("req-2");

    await rig.record({ fact: "withdrawn", requestId: "req-1" });
    const between = (await rig.approvals()).map(({ state }) => state).sort();
    await rig.record({ fact: "turn_ended", status: "cancelled" });

    expect(between).toEqual(["pending", "superseded"]);
    expect((await rig.approvals()).map(({ state }) => state)).toEqual(["superseded", "superseded"]);
    expect(await rig.state()).toBe("RUNNING");
  });

  it("can be asked for by people, before a runner has begun", async () => {
    await using rig = await Rig.open();

    await rig.fleet.store.run("requestApproval", {
      ...rig.about(),
      action: "merge",
      description: "Merge PR #123",
      context: { prNumber: 123 },
    });
    const waiting = await rig.state();
    await rig.resolve("allow");

    expect([waiting, await rig.state()]).toEqual(["WAITING_FOR_APPROVAL", "RUNNING"]);
    expect(await rig.commands()).toEqual([]);
  });

  it("are asked for when a budget is used up: yes lets it use as much again, no ends the session", async () => {
    await using rig = await Rig.ready({ mode: "interactive", budget: { tokens: 100 } });
    const use = (tokens: number) => rig.record({ fact: "usage", usage: { inputTokens: tokens, outputTokens: 0 } });
    await rig.record({ fact: "turn_started" });
    await use(120);
    await use(130);
    await rig.record({ fact: "taken", seq: 1 }, { fact: "turn_ended", status: "cancelled" });
    const first = await rig.commands();
    await rig.resolve("allow");
    await rig.record({ fact: "taken", seq: 2 }, { fact: "turn_started" });
    const extended = (await rig.progress()).budget;
    await use(231);
    await rig.record({ fact: "taken", seq: 3 }, { fact: "turn_ended", status: "cancelled" });
    await rig.resolve("deny");

    expect(first).toEqual(["interrupt"]);
    expect(extended).toEqual({ tokens: 230 });
    expect(await rig.commands()).toEqual(["interrupt", "resume", "interrupt", "close budget_exhausted"]);
  });
});

describe("what an agent has used", () => {
  it("is told once for totals that come together, however many, and always before what follows them", async () => {
    await using rig = await Rig.ready({ mode: "interactive" });
    const total = (number: number): SessionFact => {
      return { fact: "usage", usage: { inputTokens: number, outputTokens: 0 } };
    };

    await rig.record(
      { fact: "turn_started" },
      ...Array.from({ length: 500 }, (_, number) => total(number)),
      { fact: "turn_ended", status: "completed" },
      total(600),
      total(601),
    );

    const told = (await rig.events()).filter((type) => type === "usage.updated" || type === "turn.ended");
    expect(told).toEqual(["usage.updated", "turn.ended", "usage.updated"]);
    expect((await rig.progress()).usage).toMatchObject({ inputTokens: 601 });
  });

  it("never becomes less, whatever the agent says", async () => {
    await using rig = await Rig.ready({ mode: "interactive" });

    await rig.record({ fact: "usage", usage: { inputTokens: 100, outputTokens: 20, costUsd: 0.5 } });
    await rig.record({ fact: "usage", usage: { inputTokens: 10, outputTokens: 30 } });

    expect((await rig.progress()).usage).toEqual({ inputTokens: 100, outputTokens: 30, costUsd: 0.5 });
  });

  it("counts over all attempts, each of which begins at nothing", async () => {
    await using rig = await Rig.ready({ mode: "interactive" });
    const use = (inputTokens: number, costUsd: number) =>
      rig.record({ fact: "usage", usage: { inputTokens, outputTokens: 1, costUsd } });
    await use(100, 0.5);

    await rig.fleet.lose(rig.held);
    await rig.hold();
    await rig.bytes(READY);
    await use(40, 0.25);
    await use(60, 0.5);

    expect((await rig.progress()).usage).toEqual({ inputTokens: 160, outputTokens: 2, costUsd: 1 });
  });
});

describe("a budget that is used up by the last words of a turn", () => {
  const lastWords: SessionFact[] = [
    { fact: "turn_started" },
    { fact: "usage", usage: { inputTokens: 120, outputTokens: 0 } },
    { fact: "turn_ended", status: "completed" },
    { fact: "taken", seq: 1 },
  ];

  it("does not keep a task open that is done", async () => {
    await using rig = await Rig.ready({ budget: { tokens: 100 } });

    await rig.record(...lastWords);

    expect(await rig.commands()).toEqual(["interrupt", "close finished"]);
  });

  it("holds what is said next, and lets no turn go on that came to its end", async () => {
    await using rig = await Rig.ready({ mode: "interactive", budget: { tokens: 100 } });
    await rig.record(...lastWords);
    await rig.say("more");
    const held = await rig.commands();

    await rig.resolve("allow");
    await rig.record({ fact: "taken", seq: 2 });
    const [, resume] = await rig.fleet.store.view(() => readCommands(rig.sessionId, 0));

    expect(held).toEqual(["interrupt"]);
    expect(JSON.parse(resume?.command ?? "")).toEqual({ kind: "resume", continues: false });
    expect(await rig.commands()).toEqual(["interrupt", "resume", "prompt more"]);
  });
});

describe("a paused session", () => {
  it("goes on with the turn that was interrupted", async () => {
    await using rig = await Rig.ready();
    await rig.record({ fact: "turn_started" });
    await rig.fleet.store.run("pauseSession", rig.about());
    await rig.record({ fact: "taken", seq: 1 }, { fact: "turn_ended", status: "cancelled" });
    const paused = await rig.state();

    const { commands } = await rig.fleet.store.run("resumeSession", rig.about());

    expect([paused, await rig.state()]).toEqual(["PAUSED_BY_HUMAN", "RUNNING"]);
    expect(commands).toMatchObject([{ command: { kind: "resume", continues: true } }]);
  });

  it("is still paused when it has lost its runner and found another", async () => {
    await using rig = await Rig.ready();
    await rig.fleet.store.run("pauseSession", rig.about());
    await rig.fleet.lose(rig.held);
    await rig.hold();

    await rig.bytes(READY);

    expect(await rig.state()).toBe("PAUSED_BY_HUMAN");
  });

  it("cannot be paused before it runs", async () => {
    await using rig = await Rig.open();

    await expect(rig.fleet.store.run("pauseSession", rig.about())).rejects.toMatchObject({ code: "INVALID_STATE" });
  });
});

describe("stopSession", () => {
  it("closes an agent that has nothing to do in good order", async () => {
    await using rig = await Rig.ready({ mode: "interactive" });
    await rig.turn();

    await rig.fleet.store.run("stopSession", rig.about());
    await rig.fleet.finish(rig.held);

    expect(await rig.commands()).toEqual(["close closed"]);
    expect(await rig.state()).toBe("COMPLETED");
  });

  it("stops one that works by cancelling its run", async () => {
    await using rig = await Rig.ready();
    await rig.record({ fact: "turn_started" });

    const { run } = await rig.fleet.store.run("stopSession", { ...rig.about(), reason: "enough" });
    await rig.fleet.finish(rig.held, { outcome: "cancelled" });

    expect(run?.live).toEqual([rig.held.attemptId]);
    expect(await rig.row()).toMatchObject({ state: "COMPLETED" });
    expect(await rig.progress()).toMatchObject({ reason: "stopped", message: "enough" });
  });

  it("ends one that no runner has begun", async () => {
    await using rig = await Rig.open();

    const { session } = await rig.fleet.store.run("stopSession", rig.about());

    expect(session.state).toBe("COMPLETED");
  });

  it("is refused by one that has ended", async () => {
    await using rig = await Rig.open();
    await rig.fleet.store.run("stopSession", rig.about());

    await expect(rig.fleet.store.run("stopSession", rig.about())).rejects.toMatchObject({ code: "INVALID_STATE" });
  });
});

describe("an interactive session", () => {
  it("is closed when nobody has had anything for it to do for too long", async () => {
    await using rig = await Rig.ready({ mode: "interactive", inactivityMs: 60_000 });
    await rig.turn();
    rig.fleet.now += 60_000;

    await rig.fleet.fire(`session.inactive:${rig.sessionId}`);

    expect(await rig.commands()).toEqual(["close inactive"]);
  });

  it("is left alone while it works", async () => {
    await using rig = await Rig.ready({ mode: "interactive", inactivityMs: 60_000 });
    await rig.turn();
    await rig.record({ fact: "turn_started" });
    rig.fleet.now += 60_000;

    await rig.fleet.fire(`session.inactive:${rig.sessionId}`);

    expect(await rig.commands()).toEqual([]);
  });
});
