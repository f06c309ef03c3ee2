import { writeFile } from "node:fs/promises";

import type { AgentScriptInput } from "@signalbox/agents/scripted-agent";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startDevEnv, type DevEnv } from "../dev-env.ts";
import { SessionFollower } from "../_support/session-follower.ts";

/** What the scripted agent does, by words in what it is told. */
const SCRIPT: AgentScriptInput = {
  turns: [
    {
      when: "write",
      steps: [
        { do: "say", text: "I will write it." },
        {
          do: "write",
          path: "hello.txt",
          text: "hi\n",
          allow: [{ do: "say", text: "It is written." }],
          deny: [{ do: "say", text: "Then I leave it." }],
        },
      ],
    },
    { steps: [{ do: "say", text: "You said: {prompt}" }] },
  ],
};

describe("a session that works on a task", () => {
  let env: DevEnv;
  beforeAll(async () => {
    env = await startDevEnv({ runners: 0 });
    await writeFile(env.dir.file("script.json"), JSON.stringify(SCRIPT));
    await writeFile(
      env.dir.file("agents.json"),
      JSON.stringify({ agents: { scripted: { script: env.dir.file("script.json") } } }),
    );
    await env.addRunner({ env: { SIGNALBOX_AGENTS_FILE: env.dir.file("agents.json") } });
  });
  afterAll(() => env[Symbol.asyncDispose]());

  it("says what it does, asks before it acts, and does what it was allowed", async () => {
    const { client } = env;
    const { sessionId, runId } = await client.sessions.create({ providerId: "scripted", task: "write a greeting" });
    await using follower = new SessionFollower(client, sessionId, runId);

    const approval = await follower.approval();
    await client.approvals.resolve(approval.approvalId, { decision: "allow", contentHash: approval.contentHash });
    const session = await follower.end();

    expect(approval).toMatchObject({ kind: "permission", state: "pending" });
    expect(session).toMatchObject({ state: "COMPLETED", reason: "finished", turns: 1 });
    expect(follower.words).toBe("I will write it.It is written.");
    const files = await client.files.list(runId);
    expect(files.files.map(({ path }) => path)).toContain("hello.txt");
  });
});
