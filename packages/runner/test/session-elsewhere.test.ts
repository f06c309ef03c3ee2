import { scriptedAdapter, type AgentAdapter } from "@signalbox/agents";
import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { Talk, startScripted } from "./_support/talk.ts";

/** The scripted agent, as if it worked on a machine of its own. */
const ELSEWHERE: AgentAdapter = {
  ...scriptedAdapter,
  capabilities: (version) => ({ ...scriptedAdapter.capabilities(version), workspace: "own" }),
};

describe("a session with an agent that works on a machine of its own", () => {
  it("has no terminal here, and says so", async () => {
    await using fleet = await startScripted({ adapter: ELSEWHERE });
    const task = { task: "Do it", mode: "interactive", permissions: "ask", terminal: { columns: 80, rows: 24 } };
    const talk = new Talk(fleet, [{ do: "say", text: "Done." }], {}, { inputs: task });

    const ready = await talk.fact("ready");
    talk.close();

    expect(ready.hasTerminal).toBe(false);
    await eventually(() =>
      fleet.fake.text(talk.attempt, "stderr").includes("no terminal: the agent works on a machine"),
    );
  });

  it("does no step that is to change the workspace", async () => {
    await using fleet = await startScripted({ adapter: ELSEWHERE });
    const session = {
      sessionId: "ses_1.0",
      provider: "scripted" as const,
      turns: 0,
      wasWorking: false,
      nativeSessionId: null,
    };
    const step = { tool: "codegen", inputs: { prompt: "Write it" }, envelope: { session } } as const;
    const talk = new Talk(fleet, [], {}, step);

    const ended = await talk.fact("ended");

    expect(ended).toMatchObject({ reason: "provider_unavailable" });
    expect(ended.message).toContain("works on a machine of its own and cannot change the workspace");
  });
});

describe("what the machine's owner has given an agent", () => {
  it("does not leave the machine, though the agent prints it", async () => {
    const endpoint = { baseUrl: "http://127.0.0.1:1", apiKey: "sk-of-the-owner-0123456789" };
    await using fleet = await startScripted({ endpoint });
    const talk = new Talk(fleet, [{ do: "say", text: `My key is ${endpoint.apiKey}.` }]);

    await talk.fact("turn_ended");
    talk.close();

    await eventually(() => talk.said.some((event) => event.type === "process.exited"));
    expect(JSON.stringify(talk.said)).toContain("[redacted:scripted key]");
    expect(JSON.stringify(talk.said)).not.toContain(endpoint.apiKey);
  });
});
