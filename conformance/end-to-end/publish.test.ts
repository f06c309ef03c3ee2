import { writeFile } from "node:fs/promises";

import type { AgentScriptInput } from "@signalbox/agents/scripted-agent";
import type { Client, OpenSession } from "@signalbox/client";
import type { Session } from "@signalbox/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startDevEnv, type DevEnv } from "../dev-env.ts";
import { findDamage } from "../_support/find-damage.ts";
import { makeGitRepository } from "../_support/git-repository.ts";
import { SessionFollower } from "../_support/session-follower.ts";

/** What the scripted agent does, by words in what it is told. */
const SCRIPT: AgentScriptInput = {
  turns: [
    {
      when: "change",
      steps: [
        { do: "write", path: "src/a.txt", text: "one\n2\nthree\n" },
        { do: "say", text: "Done." },
      ],
    },
    {
      when: "more",
      steps: [
        { do: "write", path: "more.txt", text: "more\n" },
        { do: "say", text: "Done." },
      ],
    },
    {
      when: "hang",
      steps: [{ do: "write", path: "half.txt", text: "half\n" }, { do: "say", text: "On. " }, { do: "hang" }],
    },
    { steps: [{ do: "say", text: "Nothing to do." }] },
  ],
};

async function startEnv(): Promise<DevEnv> {
  const env = await startDevEnv({ runners: 0, limits: { "lease.graceMs": 400, "runner.heartbeatMs": 500 } });
  await writeFile(env.dir.file("script.json"), JSON.stringify(SCRIPT));
  const agents = { agents: { scripted: { script: "script.json" } } };
  await writeFile(env.dir.file("agents.json"), JSON.stringify(agents));
  await env.addRunner({ slots: 20, env: { SIGNALBOX_AGENTS_FILE: env.dir.file("agents.json") } });
  return env;
}

async function open(
  client: Client,
  task: string,
  more: Partial<OpenSession> = {},
): Promise<{ session: Session; follower: SessionFollower }> {
  const session = await client.sessions.create({ providerId: "scripted", task, permissions: "all", ...more });
  return { session, follower: new SessionFollower(client, session.sessionId, session.runId) };
}

describe("what an agent changed", () => {
  let env: DevEnv;
  let client: Client;
  let url: string;
  beforeAll(async () => {
    env = await startEnv();
    client = env.client;
    url = await makeGitRepository(env.dir.file("origin"), { "src/a.txt": "one\ntwo\nthree\n", ".gitignore": "out/\n" });
  });
  afterAll(() => env[Symbol.asyncDispose]());

  it("is told live while the agent works, and kept after its end", async () => {
    const { session, follower } = await open(client, "change it", { repo: { url }, mode: "interactive" });
    await using _ = follower;
    await follower.turnEnd(1);

    const first = await client.sessions.diff(session.sessionId);
    await client.sessions.say(session.sessionId, { text: "more" });
    await follower.turnEnd(2);
    const second = await client.sessions.diff(session.sessionId);
    await client.sessions.stop(session.sessionId);
    const ended = await follower.end();
    const kept = await client.sessions.diff(session.sessionId);

    expect(first).toMatchObject({ stats: { files: 1, added: 1, removed: 1 }, cut: null, isFinal: false });
    expect(first.text).toContain("-two\n+2\n");
    expect(second.files.map(({ path }) => path)).toEqual(["more.txt", "src/a.txt"]);
    expect(ended.changes).toEqual({ files: 2, added: 2, removed: 1 });
    expect(kept).toMatchObject({ isFinal: true, tree: second.tree, diffHash: second.diffHash, text: second.text });
    expect(await client.sessions.diff(session.sessionId, { document: first.document })).toEqual({
      ...first,
      takenAt: expect.any(String) as string,
    });
    expect(follower.types.filter((type) => type === "workspace.changed")).toHaveLength(2);
  });

  it("is told in the middle of a turn, and has what a stopped agent left", async () => {
    const { session, follower } = await open(client, "hang", { repo: { url } });
    await using _ = follower;
    await follower.until(({ words }) => words.includes("On."));

    const live = await client.sessions.diff(session.sessionId);
    await client.sessions.stop(session.sessionId);
    await follower.end();
    const kept = await client.sessions.diff(session.sessionId);

    expect(live.files.map(({ path }) => path)).toEqual(["half.txt"]);
    expect(kept).toMatchObject({ isFinal: true, tree: live.tree });
  });

  it("is nothing where nothing was changed, and absent where there is no repository", async () => {
    const { session, follower } = await open(client, "look", { repo: { url } });
    await using _ = follower;
    await follower.end();
    const { session: bare, follower: other } = await open(client, "look");
    await using __ = other;
    await other.end();

    expect(await client.sessions.diff(session.sessionId)).toMatchObject({ files: [], text: "", isFinal: true });
    await expect(client.sessions.diff(bare.sessionId)).rejects.toMatchObject({ code: "DIFF_NOT_FOUND" });
    const strange = client.sessions.diff(session.sessionId, { document: "0".repeat(64) });
    await expect(strange).rejects.toMatchObject({ code: "DIFF_NOT_FOUND" });
  });

  it("leaves a store without damage", async () => {
    expect(await findDamage(env.server)).toEqual([]);
  });
});
