import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { HandPlayed } from "../../test/support/hand-played.ts";
import type { OpenedSession } from "../session/agent-driver.ts";
import { ClaudeDriver } from "./claude-driver.ts";

class Claude extends HandPlayed {
  constructor(load?: string) {
    super((port) => new ClaudeDriver(port, { load, newId: "chosen" }));
  }

  async respond(subtype: string, answer: Record<string, unknown>): Promise<void> {
    const { request_id } = await this.last(({ request }) => request?.subtype === subtype);
    await this.driver.receive({ type: "control_response", response: { request_id, ...answer } });
  }

  async open(): Promise<OpenedSession> {
    const opening = this.driver.open();
    await this.respond("initialize", { subtype: "success", response: { commands: [] } });
    return opening;
  }
}

const result = (inputTokens: number, cost: number) => ({
  type: "result",
  subtype: "success",
  total_cost_usd: cost,
  modelUsage: { m: { inputTokens, outputTokens: inputTokens / 10 } },
});

const ask = (request_id: string) => ({
  type: "control_request",
  request_id,
  request: { subtype: "can_use_tool", tool_name: "Bash", input: { command: "ls" }, tool_use_id: "toolu_1" },
});

describe("ClaudeDriver", () => {
  it("is ready when it was answered, and goes by the name that it was given", async () => {
    const claude = new Claude();

    await expect(claude.open()).resolves.toEqual({ nativeSessionId: "chosen" });
    await claude.driver.prompt("go");

    expect(claude.sent.at(-1)).toMatchObject({ type: "user", message: { content: [{ type: "text", text: "go" }] } });
  });

  it("counts only what is used from now on, where it can be told what was used before", async () => {
    const claude = new Claude("earlier");
    const opening = claude.driver.open();
    await claude.respond("initialize", { subtype: "success" });
    const session = { total_cost_usd: 3, model_usage: { m: { inputTokens: 100, outputTokens: 10 } } };
    await claude.respond("get_usage", { subtype: "success", response: { session } });
    await opening;

    await claude.driver.receive(result(150, 3.5));

    expect(claude.news[0]).toMatchObject({ usage: { inputTokens: 50, outputTokens: 5, costUsd: 0.5 } });
  });

  it("counts all where it cannot: too much rather than too little", async () => {
    const claude = new Claude("earlier");
    const opening = claude.driver.open();
    await claude.respond("initialize", { subtype: "success" });
    await claude.respond("get_usage", { subtype: "error", error: "unknown" });
    await opening;

    await claude.driver.receive(result(150, 3.5));

    expect(claude.news[0]).toMatchObject({ usage: { inputTokens: 150, costUsd: 3.5 } });
  });

  describe("in the middle of a turn", () => {
    const ran = { type: "user", message: { content: [{ type: "tool_result", tool_use_id: "t", content: "" }] } };
    const asked = ({ sent }: Claude) => sent.filter((frame) => JSON.stringify(frame).includes("get_usage")).length;
    const used = (inputTokens: number) => ({
      subtype: "success",
      response: { session: { total_cost_usd: 1, model_usage: { m: { inputTokens } } } },
    });

    it("asks after each use of a tool what it has used, once at a time", async () => {
      const claude = new Claude();
      await claude.open();

      await claude.driver.receive(ran);
      await claude.driver.receive(ran);
      const together = asked(claude);
      await claude.respond("get_usage", used(70));
      const told = await eventually(() => claude.news.find(({ news }) => news === "usage") ?? false);
      await claude.driver.receive(ran);

      expect(told).toMatchObject({ usage: { inputTokens: 70, costUsd: 1 } });
      expect([together, asked(claude)]).toEqual([1, 2]);
    });

    it("does not ask a version again that does not know", async () => {
      const claude = new Claude();
      await claude.open();
      await claude.driver.receive(ran);

      await claude.respond("get_usage", { subtype: "error", error: "unknown" });
      await claude.driver.receive(ran);

      expect(asked(claude)).toBe(1);
    });
  });

  it("answers what it is asked once, and not what is taken back", async () => {
    const claude = new Claude();
    await claude.open();
    await claude.driver.receive(ask("r1"));
    await claude.driver.receive(ask("r2"));

    await claude.driver.receive({ type: "control_cancel_request", request_id: "r1" });
    await claude.driver.answer("r1", { kind: "cancel" });
    await claude.driver.answer("r2", { kind: "allow", option: { id: "allow", label: "", effect: "allow" } });

    expect(claude.news.map(({ news }) => news)).toEqual(["approval", "approval", "settled"]);
    expect(claude.sent.slice(1)).toEqual([
      {
        type: "control_response",
        response: {
          subtype: "success",
          request_id: "r2",
          response: { behavior: "allow", updatedInput: { command: "ls" } },
        },
      },
    ]);
  });

  it("refuses what this side does not have, and complains of what makes no sense", async () => {
    const claude = new Claude();
    await claude.open();

    await claude.driver.receive({ type: "control_request", request_id: "r1", request: { subtype: "hook_callback" } });
    await claude.driver.receive({ type: "control_response", response: { subtype: "success", request_id: "nobody" } });
    await claude.driver.receive({ type: "system", subtype: "init", session_id: "another" });

    expect(claude.sent.at(-1)).toMatchObject({ response: { subtype: "error", request_id: "r1" } });
    expect(claude.complaints).toEqual([
      "an answer to nobody, which nobody asked",
      "claude calls the session another, not chosen",
    ]);
    await expect(claude.driver.receive({ no: "type" })).rejects.toThrow("type");
  });

  it("tells who waits that it is gone", async () => {
    const claude = new Claude();

    const opening = claude.driver.open();
    opening.catch(() => undefined);
    await claude.last(({ request }) => request?.subtype === "initialize");
    claude.driver.ended(new Error("gone"));

    await expect(opening).rejects.toThrow("gone");
  });
});
