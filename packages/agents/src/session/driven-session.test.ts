import { eventually, ManualClock } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { FakeProcess } from "../../test/support/fake-process.ts";
import { LineDriver } from "../../test/support/line-driver.ts";
import { ACP_CAPABILITIES } from "../acp/acp-capabilities.ts";
import type { AgentEvent } from "../agent-event.ts";
import { agentLimits } from "../limits.ts";
import type { AgentLimits } from "../limits.ts";
import { DrivenSession } from "./driven-session.ts";
import type { DrivenSessionParts } from "./driven-session.ts";
import type { ApprovalNews } from "./news.ts";

const ASK: ApprovalNews = {
  news: "approval",
  key: "k1",
  kind: "command",
  tool: { toolCallId: "t1", kind: "command", title: "rm -rf /", command: "rm -rf /" },
  options: [
    { id: "yes", label: "Yes", effect: "allow" },
    { id: "no", label: "No", effect: "deny" },
  ],
};

interface Lab {
  readonly process: FakeProcess;
  readonly clock: ManualClock;
  readonly driver: LineDriver;
  readonly session: DrivenSession;
  readonly events: AgentEvent[];
  /** Reads all that comes. */
  readonly follow: () => void;
}

function labWith(limits: Partial<AgentLimits> = {}, more: Partial<DrivenSessionParts> = {}): Lab {
  const process = new FakeProcess();
  const clock = new ManualClock();
  const drivers: LineDriver[] = [];
  const session = new DrivenSession({
    provider: "fake",
    process,
    clock,
    makeDriver: (port) => {
      const driver = new LineDriver(port);
      drivers.push(driver);
      return driver;
    },
    capabilities: { ...ACP_CAPABILITIES[0].is, steer: true },
    permissions: "ask",
    raw: "unknown",
    limits: agentLimits(limits),
    resumed: "fresh",
    resumeFailure: undefined,
    preface: "",
    ...more,
  });
  const [driver] = drivers;
  if (!driver) throw new Error("the session made no driver");
  const events: AgentEvent[] = [];
  const follow = (): void => {
    void (async () => {
      for await (const event of session.events) events.push(event);
    })();
  };
  return { process, clock, driver, session, events, follow };
}

async function openLab(limits?: Partial<AgentLimits>, more?: Partial<DrivenSessionParts>): Promise<Lab> {
  const lab = labWith(limits, more);
  lab.driver.opened.resolve({ nativeSessionId: "native-1" });
  await lab.session.open();
  lab.follow();
  return lab;
}

function types(events: readonly AgentEvent[]): string[] {
  return events.map(({ type }) => type);
}

describe("DrivenSession.open", () => {
  it("gives up on an agent that does not shake hands in time, and leaves nothing", async () => {
    const { session, process, clock } = labWith();

    const opening = session.open();
    process.stderr.write("cannot find my socks\n");
    await eventually(() => clock.pendingTimers > 0);
    clock.advance(30_000);

    await expect(opening).rejects.toMatchObject({
      code: "HANDSHAKE_TIMEOUT",
      message: expect.stringContaining("cannot find my socks") as string,
    });
    expect(process.done).toContain("killed");
  });

  it("says with what words an agent ended before it was ready", async () => {
    const { session, process } = labWith();

    const opening = session.open();
    process.stderr.write("no such conversation\n");
    process.exit(1);

    await expect(opening).rejects.toMatchObject({
      code: "HANDSHAKE_FAILED",
      message: expect.stringMatching(/exit code 1.*no such conversation/) as string,
    });
  });

  it("ends an agent that talks before it is ready", async () => {
    const { session, process } = labWith({ "queue.events": 10 });

    const opening = session.open();
    for (let index = 0; index < 100; index++) process.say({ news: "raw", frame: index });

    await expect(opening).rejects.toMatchObject({ code: "HANDSHAKE_FAILED" });
    // Once because it talks, once because nothing may be left of a start that failed: not for each word.
    expect(process.done.filter((done) => done === "killed").length).toBeLessThanOrEqual(3);
  });

  it("stops when its signal says so", async () => {
    const { session, process } = labWith();
    const stop = new AbortController();

    const opening = session.open(stop.signal);
    stop.abort(new Error("not any more"));

    await expect(opening).rejects.toThrow("not any more");
    expect(process.done).toContain("killed");
  });
});

describe("DrivenSession.prompt", () => {
  it("puts what it must tell before the first prompt, and only there", async () => {
    const { session, driver, process, events } = await openLab({}, { preface: "Before: " });

    await session.prompt("one");
    process.say({ news: "turn_ended", status: "completed" });
    await eventually(() => types(events).includes("turn.ended"));
    await session.prompt("two");

    expect(driver.told).toEqual(["prompt Before: one", "prompt two"]);
    expect(events.find(({ type }) => type === "turn.started")).toMatchObject({ prompt: "one" });
  });

  it("refuses words that are none, or too many, or come too late", async () => {
    const { session } = await openLab({ "prompt.length": 5 });

    await expect(session.prompt(" \n")).rejects.toMatchObject({ code: "INVALID_PROMPT" });
    await expect(session.prompt("123456")).rejects.toMatchObject({ code: "INVALID_PROMPT" });
    await session.prompt("12345");
    await expect(session.prompt("1")).rejects.toMatchObject({ code: "TURN_RUNNING" });
    await session.close({ graceMs: 0 });
    await expect(session.prompt("1")).rejects.toMatchObject({ code: "SESSION_ENDED" });
  });

  it("tells of a prompt that the agent would not take as a failed turn", async () => {
    const { session, driver, events } = await openLab();
    driver.prompt = () => Promise.reject(new Error("not in the mood"));

    await session.prompt("go");

    await eventually(() => types(events).includes("turn.ended"));
    expect(events.at(-1)).toMatchObject({
      status: "failed",
      error: { code: "agent_error", message: "not in the mood" },
    });
  });

  it("tells of a turn that somebody else began", async () => {
    const { process, events } = await openLab();

    process.say(
      { news: "turn_began" },
      { news: "text", text: "by the way" },
      { news: "turn_ended", status: "completed" },
    );

    await eventually(() => types(events).includes("turn.ended"));
    expect(types(events).slice(1)).toEqual(["turn.started", "text.delta", "message.done", "turn.ended"]);
  });
});

describe("DrivenSession.answer", () => {
  it("takes the first answer, and tells it before the agent hears it", async () => {
    const { session, driver, process, events } = await openLab();
    await session.prompt("go");
    process.say(ASK);
    await eventually(() => types(events).includes("approval.requested"));

    const answers = await Promise.allSettled([
      session.answer("request-1", { decision: "allow" }),
      session.answer("request-1", { decision: "deny" }),
    ]);

    expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    expect(driver.told.at(-1)).toMatchObject({ key: "k1", answer: { kind: "allow", option: { id: "yes" } } });
    expect(events.at(-1)).toMatchObject({ type: "approval.resolved", outcome: "allowed", by: "answer" });
  });

  it("shows all that was told of the call with what is asked", async () => {
    const { session, process, events } = await openLab();
    await session.prompt("go");

    process.say(
      { news: "tool", toolCallId: "t1", kind: "file_change", changes: [{ path: "a", change: "add", newText: "x" }] },
      { ...ASK, kind: "file_change", tool: { toolCallId: "t1" } },
    );

    await eventually(() => types(events).includes("approval.requested"));
    expect(events.at(-1)).toMatchObject({ changes: [{ path: "a", newText: "x" }], kind: "file_change" });
  });

  it("leaves a request open that was answered wrongly", async () => {
    const { session, process, events } = await openLab();
    await session.prompt("go");
    process.say(ASK);
    await eventually(() => types(events).includes("approval.requested"));

    const wrong = [
      session.answer("request-1", { decision: "allow", scope: "session" }),
      session.answer("request-1", { decision: "allow", optionId: "no" }),
      session.answer("request-1", { decision: "allow", optionId: "maybe" }),
      session.answer("request-1", { decision: "allow", updatedInput: {} }),
      session.answer("request-1", { answers: {} }),
    ];

    for (const each of await Promise.allSettled(wrong)) {
      expect(each).toMatchObject({ status: "rejected", reason: { code: "INVALID_ANSWER" } });
    }
    await session.answer("request-1", { decision: "deny" });
    await expect(session.answer("request-2", { decision: "deny" })).rejects.toMatchObject({ code: "UNKNOWN_REQUEST" });
  });

  it("refuses what is asked beyond the limit, and says so to the call", async () => {
    const { session, driver, process, events } = await openLab({ "requests.open": 1 });
    await session.prompt("go");

    process.say(ASK, { ...ASK, key: "k2", tool: { toolCallId: "t2", title: "two" } });

    await eventually(() => driver.told.length === 2);
    expect(driver.told.at(-1)).toMatchObject({ key: "k2", answer: { kind: "deny" } });
    expect(events.at(-1)).toMatchObject({ type: "tool.ended", toolCallId: "t2", status: "denied" });
  });

  it("refuses what is asked beyond the limit of a turn, however little of it is open, and hears the next turn", async () => {
    const { session, driver, process, events } = await openLab({ "requests.turn": 2 });
    await session.prompt("go");
    const again = (index: number): ApprovalNews => ({
      ...ASK,
      tool: { toolCallId: `t${index}`, title: String(index) },
    });

    process.say(again(1), again(2), again(3), { news: "turn_ended", status: "completed" });
    await eventually(() => types(events).includes("turn.ended"));
    await session.prompt("go on");
    process.say(again(4));
    await eventually(() => types(events).filter((type) => type === "approval.requested").length === 3);

    expect(driver.told.filter((told) => typeof told !== "string")).toMatchObject([
      { key: "k1", answer: { kind: "deny", reason: "it asks too much at once" } },
    ]);
  });

  it("tells when somebody else settled a request", async () => {
    const { session, process, events } = await openLab();
    await session.prompt("go");

    process.say(ASK, { news: "settled", key: "k1" });

    await eventually(() => types(events).includes("approval.resolved"));
    expect(events.at(-1)).toMatchObject({ outcome: "cancelled", by: "agent" });
  });
});

// Seen red: the yes to what was shown reached the agent as one to what it had asked since.
describe("DrivenSession: an agent that asks for something else under the same name", () => {
  it("takes back what it asked before: a yes to that does not reach it", async () => {
    const { session, driver, process, events } = await openLab();
    await session.prompt("go");
    process.say(ASK, { ...ASK, tool: { toolCallId: "t2", kind: "command", title: "echo", command: "echo" } });
    await eventually(() => types(events).filter((type) => type === "approval.requested").length === 2);
    const [shown, other] = events.flatMap((event) => (event.type === "approval.requested" ? [event.requestId] : []));

    const late = session.answer(shown ?? "", { decision: "allow" });
    await expect(late).rejects.toMatchObject({ code: "UNKNOWN_REQUEST" });
    expect(driver.told).toEqual(["prompt go"]);
    await session.answer(other ?? "", { decision: "deny" });

    expect(events.find(({ type }) => type === "approval.resolved")).toMatchObject({
      requestId: shown,
      outcome: "cancelled",
      by: "agent",
    });
    expect(driver.told.at(-1)).toMatchObject({ key: "k1", answer: { kind: "deny" } });
  });
});

describe("DrivenSession.interrupt", () => {
  it("ends an agent that goes on, first politely", async () => {
    const { session, process, clock, events } = await openLab();
    process.isDeaf = true;
    await session.prompt("go");

    const interrupting = session.interrupt();
    await eventually(() => clock.pendingTimers > 0);
    clock.advance(10_000);
    await eventually(() => process.done.length > 0 && clock.pendingTimers > 0);
    clock.advance(5_000);
    await interrupting;

    expect(process.done.slice(0, 2)).toEqual(["asked to end", "killed"]);
    expect(events.slice(-2)).toMatchObject([
      { type: "turn.ended", status: "cancelled" },
      { type: "process.exited", reason: "interrupt_ignored" },
    ]);
  });

  it("does not pass on what the agent asks while it is told to stop", async () => {
    const { session, driver, process, events } = await openLab();
    await session.prompt("go");
    process.say(ASK);
    await eventually(() => types(events).includes("approval.requested"));

    const interrupting = session.interrupt();
    process.say({ ...ASK, key: "k2", tool: { toolCallId: "t2" } }, { news: "turn_ended", status: "cancelled" });
    await interrupting;

    expect(driver.told).toContain("interrupt k1");
    expect(driver.told.at(-1)).toEqual({ key: "k2", answer: { kind: "cancel" } });
    expect(types(events).filter((type) => type === "approval.requested")).toHaveLength(1);
  });

  it("does nothing when there is nothing to stop", async () => {
    const { session, driver } = await openLab();

    await session.interrupt();

    expect(driver.told).toEqual([]);
  });
});

describe("DrivenSession: an agent that says too much", () => {
  it("is held while nobody reads, and loses nothing", async () => {
    const { session, driver, process } = labWith({ "queue.events": 5 });
    driver.opened.resolve({ nativeSessionId: "native-1" });
    await session.open();
    await session.prompt("go");
    const COUNT = 2_000;
    let written = 0;
    const saying = (async () => {
      for (; written < COUNT; written++) {
        const line = `${JSON.stringify({ news: "text", text: `${written} ` })}\n`;
        if (!process.stdout.write(line)) await new Promise((resolve) => process.stdout.once("drain", resolve));
      }
    })();
    for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);

    // What stands in the pipe and the queue, and no more.
    expect(written).toBeLessThan(200);

    const texts: string[] = [];
    for await (const event of session.events) {
      if (event.type === "text.delta") texts.push(event.text);
      if (texts.length === COUNT) break;
    }
    await saying;
    expect(texts.join("")).toBe(Array.from({ length: COUNT }, (_, index) => `${index} `).join(""));
    await session.close({ graceMs: 0 });
  });

  it("can be closed while nobody reads, and tells how it ended", async () => {
    const { session, driver, process } = labWith({ "queue.events": 5 });
    driver.opened.resolve({ nativeSessionId: "native-1" });
    await session.open();
    await session.prompt("go");
    for (let index = 0; index < 500; index++) process.say({ news: "text", text: "flood " });

    await session.close({ graceMs: 0 });

    const events: AgentEvent[] = [];
    for await (const event of session.events) events.push(event);
    expect(events.length).toBeLessThan(20);
    expect(types(events).slice(-2)).toEqual(["turn.ended", "process.exited"]);
  });
});

describe("DrivenSession: an agent that asks and reads no answers", () => {
  it("is not heard until it has read them", async () => {
    const { process, driver, events } = await openLab({ "write.bytes": 1_000 });
    process.stdin.removeAllListeners("data").pause();
    const receive = driver.receive.bind(driver);
    driver.receive = (frame) => {
      process.stdin.write("x".repeat(5_000));
      receive(frame);
    };

    for (let index = 0; index < 100; index++) process.say({ news: "raw", frame: index });
    await eventually(() => types(events).includes("raw"));
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
    const heard = types(events).filter((type) => type === "raw").length;
    process.stdin.resume();

    expect(heard).toBeLessThan(30);
    await eventually(() => types(events).filter((type) => type === "raw").length === 100);
  });
});

describe("DrivenSession: an agent that talks nonsense", () => {
  it("is forgiven some of it, and ended for too much", async () => {
    const { session, process, clock, events } = await openLab({ "line.garbage": 3, "line.bytes": 1_000 });
    await session.prompt("go");

    process.stdout.write(`Traceback (most recent call last)\n${"x".repeat(5_000)}\n{"no":"news"}\n`);

    await eventually(() => process.done.includes("asked to end"));
    await eventually(() => types(events).includes("process.exited"));
    expect(events.filter(({ type }) => type === "protocol.error")).toMatchObject([
      { kind: "garbage", count: 1, message: expect.stringContaining("Traceback") as string },
      { kind: "oversized_line", count: 2, message: expect.stringContaining("5000 bytes") as string },
      { kind: "invalid_frame", count: 3, message: "this is no news" },
    ]);
    expect(events.slice(-2)).toMatchObject([
      { type: "turn.ended", status: "failed", error: { code: "protocol_error" } },
      { type: "process.exited", reason: "protocol_error" },
    ]);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("DrivenSession: an agent that ends", () => {
  it("in the middle of a turn is a turn that failed, with what it said last", async () => {
    const { session, process, events } = await openLab();
    await session.prompt("go");
    process.say({ news: "tool", toolCallId: "t1" }, ASK);
    process.stderr.write("segmentation fault\n");

    process.exit(139);

    await eventually(() => types(events).includes("process.exited"));
    expect(events.slice(-4)).toMatchObject([
      { type: "approval.resolved", outcome: "cancelled", by: "end" },
      { type: "tool.ended", status: "failed" },
      { type: "turn.ended", status: "failed", error: { code: "agent_exited" } },
      { type: "process.exited", reason: "crashed", code: 139, stderr: "segmentation fault\n" },
    ]);
  });

  it("is over also when something that it left holds its output open", async () => {
    const { session, process, clock, events } = await openLab();
    await session.prompt("go");

    process.exitAlone(0);
    await eventually(() => clock.pendingTimers > 0);
    clock.advance(2_000);

    await eventually(() => types(events).includes("process.exited"));
    expect(process.done).toContain("killed");
  });

  it("is ended when it closes its output and goes on", async () => {
    const { process, clock, events } = await openLab();

    process.stdout.end();
    await eventually(() => clock.pendingTimers > 0);
    clock.advance(2_000);

    await eventually(() => types(events).includes("process.exited"));
    expect(events.at(-1)).toMatchObject({ reason: "output_closed" });
  });

  it("when it is closed: by the end of its input, else politely, else by force", async () => {
    const { session, process, clock } = await openLab();
    process.isDeaf = true;

    const closing = session.close({ graceMs: 3_000 });
    await eventually(() => clock.pendingTimers > 0);
    expect([process.isInputEnded, process.done]).toEqual([true, []]);
    clock.advance(2_000);
    await eventually(() => process.done.length === 1 && clock.pendingTimers > 0);
    expect(process.done).toEqual(["asked to end"]);
    clock.advance(3_000);

    expect(await closing).toMatchObject({ reason: "closed", signal: "SIGKILL" });
    expect(await session.close()).toMatchObject({ reason: "closed" });
  });
});

describe("DrivenSession.events", () => {
  it("go on in another loop where one was left", async () => {
    const { session, driver, process } = labWith();
    driver.opened.resolve({ nativeSessionId: "native-1" });
    await session.open();
    process.say({ news: "raw", frame: 1 }, { news: "raw", frame: 2 });
    const seen: string[] = [];

    for await (const event of session.events) {
      seen.push(event.type);
      break;
    }
    await session.close({ graceMs: 0 });
    for await (const event of session.events) seen.push(event.type);

    expect(seen).toEqual(["session.ready", "raw", "raw", "process.exited"]);
  });

  it("hold every frame, both ways, when that is asked for", async () => {
    const { process, events } = await openLab({}, { raw: "all" });

    process.say({ news: "text", text: "hi" });

    await eventually(() => types(events).includes("text.delta"));
    expect(events.slice(1)).toMatchObject([
      { type: "raw", direction: "in", frame: { news: "text" } },
      { type: "text.delta" },
    ]);
  });
});
