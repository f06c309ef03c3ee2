import type { Client } from "@signalbox/client";
import type { Session } from "@signalbox/protocol";
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

  it("leaves, with all the others, data that adds up", async () => {
    expect(await findDamage(real().env.server)).toEqual([]);
  });
});

/** An agent for which a denial ends its turn leaves its session open; another one ends by itself. */
async function endInGoodOrder(client: Client, { sessionId }: Session): Promise<void> {
  const { state } = await client.sessions.get(sessionId);
  if (state === "RUNNING") await client.sessions.stop(sessionId).catch(() => undefined);
}
