import { stubPrompt, type ScenarioInput } from "@signalbox/agents/model-stub";
import type { Client } from "@signalbox/client";
import type { Session } from "@signalbox/protocol";
import { eventually } from "@signalbox/testkit";
import { expect, it } from "vitest";

import { findDamage } from "../_support/find-damage.ts";
import { describeRealAgents, FAKE_KEY, writing } from "../_support/real-agent-env.ts";

// The way of a session with each real agent from its start to its end; what else there is stands in real-agents.long.test.ts.
describeRealAgents(({ name, version, real }) => {
  it("is offered in the version that its runner has", async () => {
    const { items } = await real().client.runners.list();

    expect(items[0]?.capabilities.providers).toContain(name);
    expect(items[0]?.runtimeVersions).toMatchObject({ [name]: version });
  });

  it("streams what it says, asks before it writes, and writes what it was allowed", async ({ skip }) => {
    if (!(await real().knowsItsFolder())) skip("Claude writes to absolute paths only");
    const { session, follower } = await real().open(writing(real().agent));
    await using _ = follower;

    const approval = await follower.approval();
    const { approvalId, contentHash } = approval;
    await real().client.approvals.resolve(approvalId, { decision: "allow", contentHash });
    const ended = await follower.end();

    expect(JSON.stringify(approval.context)).toContain("hello.txt");
    expect(ended).toMatchObject({ state: "COMPLETED", reason: "finished", turns: 1 });
    expect(follower.words).not.toBe("");
    expect((await real().client.files.list(session.runId)).files.map(({ path }) => path)).toContain("hello.txt");
    expect(ended.usage.inputTokens).toBeGreaterThan(1_000);
    expect(real().stub.requests.at(-1)?.userAgent).toContain(version);
    expect(JSON.stringify([follower.said, follower.events])).not.toContain(FAKE_KEY);
  });

  it("does not write what it was denied", async ({ skip }) => {
    if (!(await real().knowsItsFolder())) skip("Claude writes to absolute paths only");
    const { session, follower } = await real().open(writing(real().agent));
    await using _ = follower;

    const { approvalId } = await follower.approval();
    await real().client.approvals.resolve(approvalId, { decision: "deny", reason: "not this one" });
    await follower.turnEnd(1);
    await endInGoodOrder(real().client, session);
    await follower.end();

    expect((await real().client.files.list(session.runId)).files.map(({ path }) => path)).not.toContain("hello.txt");
  });

  it("is interrupted in the middle of a turn, and takes the next", async () => {
    const slow: ScenarioInput = { scenario: "slow", pieces: 600, intervalMs: 100 };
    const { session, follower } = await real().open(slow, { mode: "interactive" });
    await using _ = follower;
    await follower.until(() => follower.words.length > 0);

    await real().client.sessions.interrupt(session.sessionId);
    const turn = await follower.turnEnd(1);
    const text = stubPrompt({ scenario: "text", text: "Here again." });
    await real().client.sessions.say(session.sessionId, { text });
    await follower.until(() => follower.words.includes("Here again."));
    await follower.turnEnd(2);
    await real().client.sessions.stop(session.sessionId);
    const ended = await follower.end();

    expect(turn.data).toMatchObject({ status: "cancelled" });
    await eventually(() => real().stub.requests.some(({ outcome }) => outcome === "aborted"));
    expect(ended).toMatchObject({ state: "COMPLETED", reason: "closed" });
  });

  it("runs commands that see nothing of the machine's environment", async () => {
    const { follower } = await real().open({ scenario: "run_command", command: "env" }, { permissions: "all" });
    await using _ = follower;

    const ended = await follower.end();
    const results = real().stub.requests.flatMap(({ toolResults }) =>
      toolResults.map((result) => JSON.stringify(result)),
    );
    const environment = results.find((result) => result.includes("HOME=")) ?? "";

    expect(ended.state).toBe("COMPLETED");
    expect(environment).toContain("PATH=");
    expect(environment).not.toMatch(/A_SECRET_OF|must not be seen|SIGNALBOX_(URL|ENROLMENT|RUNNER|AGENTS)/);
    expect(environment).not.toContain(FAKE_KEY);
  });

  it("leaves, with all the others, data that adds up", async () => {
    expect(await findDamage(real().env.server)).toEqual([]);
  });
});

/** An agent for which a denial ends its turn leaves its session open; another one ends by itself. */
async function endInGoodOrder(client: Client, { sessionId }: Session): Promise<void> {
  const { state } = await client.sessions.get(sessionId);
  if (state === "RUNNING") await client.sessions.stop(sessionId).catch(() => undefined);
}
