import type { AgentScriptInput } from "@signalbox/agents/scripted-agent";
import type { Client } from "@signalbox/client";
import type { Approval, StepInput } from "@signalbox/protocol";
import { eventually } from "@signalbox/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { SHORT_LEASES, startDevEnv, type DevEnv } from "../dev-env.ts";
import { findDamage } from "../_support/find-damage.ts";
import { runCli } from "../_support/run-cli.ts";

/** Spends, and works until it is stopped; told to go on, it spends a little more and is done. */
const SPENDER: AgentScriptInput = {
  turns: [
    {
      steps: [
        { do: "say", text: "Working. " },
        { do: "usage", inputTokens: 100, outputTokens: 10, cost: 1.5 },
        { do: "hang" },
      ],
    },
    {
      steps: [
        { do: "usage", inputTokens: 200, outputTokens: 20, cost: 3 },
        { do: "say", text: "I went on." },
      ],
    },
  ],
};

const STEPS: StepInput[] = [
  { name: "spend", tool: "agent:scripted", inputs: { task: "Spend", script: JSON.stringify(SPENDER) } },
  {
    name: "more",
    tool: "codegen",
    needs: ["spend"],
    inputs: {
      prompt: "More",
      script: [
        { do: "usage", inputTokens: 5, outputTokens: 1, cost: 0.25 },
        { do: "say", text: "Done." },
      ] as never,
    },
  },
];

describe("a run whose agents share a budget", () => {
  let env: DevEnv;
  let client: Client;
  beforeAll(async () => {
    env = await startDevEnv({ limits: SHORT_LEASES });
    client = env.client;
  });
  afterAll(() => env[Symbol.asyncDispose]());

  const begin = () => client.runs.create({ plan: { goal: "spend", steps: STEPS }, budget: { costUsd: 1 } });

  /** The question that waits in a run, of the session of a step. */
  async function asked(runId: string, step: string): Promise<Approval> {
    return eventually(
      async () => {
        const { steps } = await client.runs.get(runId);
        const sessionId = steps.find(({ name }) => name === step)?.sessionId;
        if (sessionId === undefined) return false;
        return (await client.approvals.list({ state: "pending", sessionId })).items[0] ?? false;
      },
      { timeoutMs: 20_000 },
    );
  }

  const answer = ({ approvalId, contentHash }: Approval, decision: "allow" | "deny") =>
    client.approvals.resolve(approvalId, { decision, contentHash });

  it("asks when it is used up, in a turn and before a step, also after the server was killed meanwhile", async () => {
    const { id } = await begin();

    const first = await asked(id, "spend");
    const spent = (await client.runs.get(id)).run;
    await answer(first, "allow");
    const second = await asked(id, "more");
    const waiting = await client.runs.waiting(id);
    await env.server.kill();
    await env.server.start();
    const stillAsked = (await client.approvals.list({ state: "pending" })).items;
    await answer(second, "allow");
    const { run } = await client.runs.wait(id);

    expect(first).toMatchObject({
      kind: "budget",
      action: "extend_run_budget",
      context: { budget: { costUsd: 1 }, usage: { costUsd: 1.5 }, more: { costUsd: 1 } },
    });
    expect(spent).toMatchObject({ status: "running", usage: { costUsd: 1.5 } });
    expect(waiting).toMatchObject([{ step: "more", reason: "budget" }]);
    expect(stillAsked.map(({ approvalId }) => approvalId)).toEqual([second.approvalId]);
    expect(run).toMatchObject({
      status: "succeeded",
      budget: { costUsd: 4 },
      usage: { inputTokens: 205, outputTokens: 21, costUsd: 3.25 },
    });
    const shown = await runCli(env.server, ["runs", "show", id]);
    expect(shown).toMatch(/used +205 tokens in/);
    expect(shown).toMatch(/budget +\$4.00/);
    expect((await client.runs.list({ limit: 1 })).items[0]?.usage).toEqual(run.usage);
  });

  it("fails with the step that gets no more, and what needs that step is skipped", async () => {
    const { id } = await begin();

    await answer(await asked(id, "spend"), "deny");
    const { run, steps } = await client.runs.wait(id);

    expect(run).toMatchObject({ status: "failed", reason: "budget_exhausted" });
    expect(steps.map(({ status, reason }) => [status, reason])).toEqual([
      ["failed", "budget_exhausted"],
      ["skipped", "needs_failed"],
    ]);
  });

  it("fails before a step that gets no more", async () => {
    const { id } = await begin();
    await answer(await asked(id, "spend"), "allow");

    await answer(await asked(id, "more"), "deny");
    const { run, steps } = await client.runs.wait(id);

    expect(run).toMatchObject({ status: "failed", reason: "budget_exhausted" });
    expect(steps[1]).toMatchObject({ status: "failed", reason: "budget_exhausted", attempts: [] });
    expect(await findDamage(env.server)).toEqual([]);
  });
});
