import { eventually, ManualClock } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import type { AgentStartSpec } from "../agent-session.ts";
import { agentLimits } from "../limits.ts";
import type { News } from "../session/news.ts";
import { AcpDriver } from "./acp-driver.ts";
import type { AcpFlavour } from "./acp-driver.ts";

interface Frame {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: unknown;
  readonly error?: { readonly code: number };
}

/** An agent that a test plays by hand. */
class Agent {
  readonly sent: Frame[] = [];
  readonly news: News[] = [];
  readonly complaints: string[] = [];
  readonly clock = new ManualClock();
  readonly driver: AcpDriver;

  constructor({
    load,
    flavour = {},
    spec = {},
  }: { load?: string; flavour?: AcpFlavour; spec?: Partial<AgentStartSpec> } = {}) {
    const port = {
      clock: this.clock,
      limits: agentLimits(),
      write: (frame: unknown) => {
        this.sent.push(frame as Frame);
        return Promise.resolve();
      },
      tell: (news: readonly News[]) => void this.news.push(...news),
      complain: (message: string) => void this.complaints.push(message),
    };
    const opening = { load, newId: "chosen" };
    this.driver = new AcpDriver(port, { workspace: "/w", ...spec } as AgentStartSpec, opening, flavour);
  }

  say(frame: Record<string, unknown>): Promise<void> {
    return this.driver.receive({ jsonrpc: "2.0", ...frame });
  }

  update(update: Record<string, unknown>): Promise<void> {
    return this.say({ method: "session/update", params: { sessionId: "s1", update } });
  }

  /** Answers the last call of a method. */
  async answer(method: string, answer: Record<string, unknown>): Promise<void> {
    const call = await eventually(() => this.sent.findLast((frame) => frame.method === method));
    await this.say({ id: call.id, ...answer });
  }

  async open(capabilities: unknown = { loadSession: true }): Promise<unknown> {
    const opening = this.driver.open();
    // A test waits for it when all is said.
    opening.catch(() => undefined);
    await this.answer("initialize", { result: { protocolVersion: 1, agentCapabilities: capabilities } });
    await this.answer("session/new", { result: { sessionId: "s1" } });
    return opening;
  }
}

describe("AcpDriver.open", () => {
  it("offers neither files nor terminals, and takes what the agent says of itself", async () => {
    const agent = new Agent();

    const opened = await agent.open({ sessionCapabilities: { resume: {} } });

    expect(agent.sent[0]?.params?.["clientCapabilities"]).toEqual({ elicitation: { form: {} } });
    expect(agent.sent[1]).toMatchObject({ method: "session/new", params: { cwd: "/w", mcpServers: [] } });
    expect(opened).toMatchObject({ nativeSessionId: "s1", capabilities: { resume: "resume" } });
  });

  it("refuses an agent of another protocol version", async () => {
    const agent = new Agent();

    const opening = agent.driver.open();
    opening.catch(() => undefined);
    await agent.answer("initialize", { result: { protocolVersion: 2 } });

    await expect(opening).rejects.toThrow("speaks ACP 2, not 1");
  });

  it("loads a conversation without telling it again, and counts only what it costs from now on", async () => {
    const agent = new Agent({ load: "s1" });

    const opening = agent.driver.open();
    await agent.answer("initialize", { result: { protocolVersion: 1, agentCapabilities: { loadSession: true } } });
    await eventually(() => agent.sent.some(({ method }) => method === "session/load"));
    await agent.update({ sessionUpdate: "agent_message_chunk", content: { type: "text", text: "old words" } });
    await agent.update({ sessionUpdate: "usage_update", used: 1, size: 2, cost: { amount: 3, currency: "USD" } });
    await agent.answer("session/load", { result: {} });
    await opening;
    await agent.update({ sessionUpdate: "usage_update", used: 1, size: 2, cost: { amount: 3.5, currency: "USD" } });

    expect(agent.news).toMatchObject([{ news: "usage", usage: { costUsd: 0.5 } }]);
  });

  it("waits for a pause where the history is told late", async () => {
    const agent = new Agent({ load: "s1", flavour: { tellsHistoryLate: true } });
    const opening = agent.driver.open();
    await agent.answer("initialize", { result: { protocolVersion: 1, agentCapabilities: { loadSession: true } } });
    await agent.answer("session/load", { result: null });

    for (const text of ["old ", "words"]) {
      await eventually(() => agent.clock.pendingTimers === 1);
      await agent.update({ sessionUpdate: "agent_message_chunk", content: { type: "text", text } });
      agent.clock.advance(250);
    }
    await eventually(() => agent.clock.pendingTimers === 1);
    agent.clock.advance(250);

    await expect(opening).resolves.toMatchObject({ nativeSessionId: "s1" });
    expect(agent.news).toEqual([]);
  });

  it.each([
    ["does not load conversations", {}, undefined],
    [
      "Internal error: Invalid session identifier",
      { loadSession: true },
      { error: { code: -32_603, message: "Internal error", data: { details: "Invalid session identifier" } } },
    ],
  ])("says why a conversation cannot be loaded: %s", async (reason, agentCapabilities, refusal) => {
    const agent = new Agent({ load: "s1" });

    const opening = agent.driver.open();
    opening.catch(() => undefined);
    await agent.answer("initialize", { result: { protocolVersion: 1, agentCapabilities } });
    if (refusal) await agent.answer("session/load", refusal);

    await expect(opening).rejects.toThrow(reason);
  });

  it("chooses the model and the mode where it can, and says where it cannot", async () => {
    const agent = new Agent({ spec: { model: "big" }, flavour: { mode: "plan" } });
    const opening = agent.driver.open();
    await agent.answer("initialize", { result: { protocolVersion: 1 } });
    const configOptions = [
      { id: "m", category: "model", name: "Model", type: "select", currentValue: "small", options: [] },
    ];
    await agent.answer("session/new", { result: { sessionId: "s1", configOptions } });
    await agent.answer("session/set_mode", { result: {} });
    await agent.answer("session/set_config_option", { result: {} });
    await opening;

    expect(agent.sent.slice(-2)).toMatchObject([
      { method: "session/set_mode", params: { modeId: "plan" } },
      { method: "session/set_config_option", params: { configId: "m", value: "big" } },
    ]);
    await expect(new Agent({ spec: { model: "big" } }).open()).rejects.toThrow("does not let the model be chosen");
  });
});

describe("AcpDriver: a turn", () => {
  it("tells its last words before its end, however fast they come", async () => {
    const agent = new Agent();
    await agent.open();
    await agent.driver.prompt("go");
    const call = await eventually(() => agent.sent.find(({ method }) => method === "session/prompt"));

    const frames = [
      {
        method: "session/update",
        params: {
          sessionId: "s1",
          update: { sessionUpdate: "agent_message_chunk", content: { type: "text", text: "bye" } },
        },
      },
      { id: call.id, result: { stopReason: "end_turn" } },
    ];
    for (const frame of frames) await agent.say(frame);

    expect(agent.news.map(({ news }) => news)).toEqual(["text", "turn_ended"]);
  });

  it.each([
    [{ result: { stopReason: "cancelled" } }, { status: "cancelled" }],
    [{ result: { stopReason: "refusal" } }, { status: "failed", error: { code: "refused" } }],
    [{ result: {} }, { status: "failed", error: { code: "protocol_error" } }],
    [{ error: { code: 429, message: "slow down" } }, { status: "failed", error: { code: "rate_limited" } }],
  ])("that ends with %j", async (answer, end) => {
    const agent = new Agent();
    await agent.open();
    await agent.driver.prompt("go");

    await agent.answer("session/prompt", answer);

    expect(agent.news.at(-1)).toMatchObject({ news: "turn_ended", ...end });
  });

  it("is suspected where failures are told in words, and nothing else was done", async () => {
    const chunk = {
      sessionUpdate: "agent_message_chunk",
      content: { type: "text", text: "exceeded retry limit, last status: 429" },
    };
    const call = { sessionUpdate: "tool_call", toolCallId: "c", title: "t" };
    const ends: unknown[] = [];
    for (const [failures, updates] of [
      ["text", [chunk]],
      ["typed", [chunk]],
      ["text", [call, chunk]],
    ] as const) {
      const agent = new Agent({ flavour: { failures } });
      await agent.open();
      await agent.driver.prompt("go");
      for (const update of updates) await agent.update(update);
      await agent.answer("session/prompt", { result: { stopReason: "end_turn" } });
      ends.push(agent.news.at(-1));
    }

    expect(ends).toMatchObject([{ status: "failed" }, { status: "completed" }, { status: "completed" }]);
  });

  it("is told to stop, and then what was asked in it is answered", async () => {
    const agent = new Agent();
    await agent.open();
    await agent.driver.prompt("go");
    const params = { sessionId: "s1", toolCall: { toolCallId: "c1" }, options: [] };
    await agent.say({ id: 7, method: "session/request_permission", params });

    await agent.driver.interrupt(["7"]);

    await eventually(() => agent.sent.some(({ id }) => id === 7));
    expect(agent.sent.slice(-2)).toMatchObject([
      { method: "session/cancel" },
      { id: 7, result: { outcome: { outcome: "cancelled" } } },
    ]);
  });
});

describe("AcpDriver: what an agent should not say", () => {
  it("answers methods that it does not have", async () => {
    const agent = new Agent();
    await agent.open();

    await agent.say({ id: 9, method: "fs/read_text_file", params: { path: "/etc/passwd" } });

    await eventually(() => agent.sent.some(({ id }) => id === 9));
    expect(agent.sent.at(-1)).toMatchObject({ id: 9, error: { code: -32_601 } });
  });

  it("complains of answers that nobody asked for, and of frames that are none", async () => {
    const agent = new Agent();
    await agent.open();

    await agent.say({ id: 99, result: {} });
    await agent.driver.receive([1, 2]);
    await agent.driver.receive({ id: 1, method: "x" });

    expect(agent.complaints).toEqual([
      "an answer to 99, which nobody asked",
      "a frame that is no JSON-RPC",
      "a frame that is no JSON-RPC",
    ]);
    await expect(agent.update({ sessionUpdate: "plan", entries: 7 })).rejects.toThrow("entries");
  });

  it("does not listen to other sessions", async () => {
    const agent = new Agent();
    await agent.open();

    const update = { sessionUpdate: "agent_message_chunk", content: { type: "text", text: "from elsewhere" } };
    await agent.say({ method: "session/update", params: { sessionId: "s2", update } });

    expect(agent.news).toEqual([]);
  });

  it("takes back a request that the agent does not wait for any more", async () => {
    const agent = new Agent();
    await agent.open();
    const params = { sessionId: "s1", toolCall: { toolCallId: "c1" }, options: [] };
    await agent.say({ id: 7, method: "session/request_permission", params });

    await agent.say({ method: "$/cancel_request", params: { requestId: 7 } });

    await eventually(() => agent.news.length === 2);
    expect(agent.news).toMatchObject([
      { news: "approval", key: "7" },
      { news: "settled", key: "7" },
    ]);
  });
});
