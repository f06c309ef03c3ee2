import { describe, expect, it } from "vitest";

import { HandPlayed } from "../../test/support/hand-played.ts";
import type { AgentStartSpec } from "../agent-session.ts";
import type { OpenedSession } from "../session/agent-driver.ts";
import { CodexDriver } from "./codex-driver.ts";

class Codex extends HandPlayed {
  constructor({ load, spec = {} }: { readonly load?: string; readonly spec?: Partial<AgentStartSpec> } = {}) {
    super((port) => new CodexDriver(port, { workspace: "/w", ...spec } as AgentStartSpec, { load, newId: "unused" }));
  }

  async answer(method: string, result: unknown): Promise<void> {
    const { id } = await this.last((frame) => frame.method === method);
    await this.driver.receive({ id, result });
  }

  async open(method = "thread/start"): Promise<OpenedSession> {
    const opening = this.driver.open();
    await this.answer("initialize", { userAgent: "signalbox/0.169.0 (Debian)" });
    await this.answer(method, { thread: { id: "thread-1" }, model: "gpt" });
    return opening;
  }

  say(method: string, params: Record<string, unknown>): void | Promise<void> {
    return this.driver.receive({ method, params: { threadId: "thread-1", ...params } });
  }

  /** Begins a turn as codex does: the answer first, the news that it has begun after that. */
  async begin(turnId: string): Promise<void> {
    const prompting = this.driver.prompt("go");
    await this.answer("turn/start", { turn: { id: turnId } });
    await prompting;
    await this.say("turn/started", { turn: { id: turnId } });
  }
}

describe("CodexDriver.open", () => {
  it("opens a thread that asks before every command, in the sandbox that is wanted", async () => {
    const codex = new Codex({ spec: { model: "gpt", instructions: "rhyme" } });

    const opened = await codex.open();

    expect(opened).toEqual({ nativeSessionId: "thread-1", model: "gpt", agentVersion: "0.169.0" });
    expect(codex.sent.map(({ method }) => method)).toEqual(["initialize", "initialized", "thread/start"]);
    expect(codex.sent.at(-1)?.params).toEqual({
      cwd: "/w",
      approvalPolicy: "untrusted",
      sandbox: "workspace-write",
      model: "gpt",
      developerInstructions: "rhyme",
    });
    const enclosed = new Codex({ spec: { useOwnSandbox: false } });
    await enclosed.open();
    expect(enclosed.sent.at(-1)?.params).toMatchObject({ sandbox: "danger-full-access" });
  });

  it("resumes a thread without its history, and counts only what is used from now on", async () => {
    const codex = new Codex({ load: "thread-1" });
    const usage = (inputTokens: number) => ({
      tokenUsage: {
        total: { inputTokens, cachedInputTokens: 0, outputTokens: inputTokens / 10, reasoningOutputTokens: 0 },
        last: { inputTokens: 5, outputTokens: 1, totalTokens: 6 },
        modelContextWindow: 100,
      },
    });

    await codex.open("thread/resume");
    await codex.say("thread/tokenUsage/updated", { turnId: "turn-old", ...usage(1_000) });
    await codex.begin("turn-new");
    await codex.say("thread/tokenUsage/updated", { turnId: "turn-new", ...usage(1_200) });

    expect(codex.sent[2]).toMatchObject({ params: { threadId: "thread-1", excludeTurns: true } });
    expect(codex.news.filter(({ news }) => news === "usage")).toMatchObject([
      { usage: { inputTokens: 200, outputTokens: 20 }, contextTokens: 6, contextWindow: 100 },
    ]);
  });
});

describe("CodexDriver: a turn", () => {
  it("is ended only when it has begun: before, codex knows nothing of it", async () => {
    const codex = new Codex();
    await codex.open();
    const prompting = codex.driver.prompt("go");
    await codex.answer("turn/start", { turn: { id: "turn-1" } });
    await prompting;

    const interrupting = codex.driver.interrupt([]);
    await new Promise(setImmediate);
    const before = codex.sent.some(({ method }) => method === "turn/interrupt");
    await codex.say("turn/started", { turn: { id: "turn-1" } });
    await codex.answer("turn/interrupt", {});
    await interrupting;

    expect(before).toBe(false);
    expect(codex.sent.at(-1)?.params).toEqual({ threadId: "thread-1", turnId: "turn-1" });
  });

  it("is steered by its name, and says when it will not be", async () => {
    const codex = new Codex();
    await codex.open();
    await codex.begin("turn-1");

    const steering = codex.driver.steer?.("left");
    steering?.catch(() => undefined);
    const { id, params } = await codex.last(({ method }) => method === "turn/steer");
    await codex.driver.receive({ id, error: { code: -1, message: "not steerable" } });

    expect(params).toMatchObject({ expectedTurnId: "turn-1" });
    await expect(steering).rejects.toMatchObject({ code: "CALL_FAILED" });
  });

  it("of another thread is none of ours", async () => {
    const codex = new Codex();
    await codex.open();

    await codex.say("item/agentMessage/delta", { threadId: "helper", itemId: "m", delta: "a title" });

    expect(codex.news).toEqual([]);
  });
});

describe("CodexDriver: requests", () => {
  it("are answered once, by their name", async () => {
    const codex = new Codex();
    await codex.open();
    const params = { threadId: "thread-1", itemId: "call_1" };
    await codex.driver.receive({ id: 0, method: "item/fileChange/requestApproval", params });
    await codex.driver.receive({ id: "0", method: "item/fileChange/requestApproval", params });

    await codex.driver.answer('"0"', { kind: "cancel" });
    await codex.driver.answer("0", { kind: "allow", option: { id: "accept", label: "", effect: "allow" } });
    await codex.driver.answer("0", { kind: "cancel" });

    expect(codex.news).toMatchObject([{ key: "0" }, { key: '"0"' }]);
    expect(codex.sent.slice(3)).toEqual([
      { id: "0", result: { decision: "cancel" } },
      { id: 0, result: { decision: "accept" } },
    ]);
  });

  it("that were settled elsewhere are not answered any more", async () => {
    const codex = new Codex();
    await codex.open();
    const params = { threadId: "thread-1", itemId: "call_1" };
    await codex.driver.receive({ id: 0, method: "item/fileChange/requestApproval", params });

    await codex.say("serverRequest/resolved", { requestId: 0 });
    await codex.driver.answer("0", { kind: "cancel" });

    expect(codex.news.at(-1)).toEqual({ news: "settled", key: "0" });
    expect(codex.sent).toHaveLength(3);
  });

  it("that this side does not have are refused", async () => {
    const codex = new Codex();
    await codex.open();

    await codex.driver.receive({ id: 5, method: "attestation/generate", params: {} });

    expect(codex.sent.at(-1)).toMatchObject({ id: 5, error: { code: -32_601 } });
  });
});
