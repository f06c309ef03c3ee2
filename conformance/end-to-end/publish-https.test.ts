import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";

import type { AgentScriptInput } from "@signalbox/agents/scripted-agent";
import { eventually, GitHttpsServer, tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { startDevEnv } from "../dev-env.ts";
import { git, makeGitRepository } from "../_support/git-repository.ts";
import { SessionFollower } from "../_support/session-follower.ts";

const TOKEN = "the-token-of-the-machines-owner";

/** An agent that looks for the credential wherever it can, and changes a file. */
const SCRIPT: AgentScriptInput = {
  turns: [
    {
      steps: [
        {
          do: "run",
          argv: ["sh", "-c", "env; cat .git/config; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline | tr '\\0' ' '"],
        },
        { do: "write", path: "a.txt", text: "two\n" },
        { do: "say", text: "Done." },
      ],
    },
  ],
};

describe("a private repository over https", { timeout: 90_000 }, () => {
  it("is read, changed and pushed to, and nothing but the owner's file has the token afterwards", async () => {
    await using env = await startDevEnv({ runners: 0 });
    await using outside = await tempDir();
    await makeGitRepository(outside.file("origin"), { "a.txt": "one\n" });
    await git(outside.path, "clone", "--quiet", "--bare", outside.file("origin"), outside.file("bare"));
    await using server = await GitHttpsServer.start({ root: outside.path, username: "bot", password: TOKEN });
    const url = `${server.url}bare`;
    await writeFile(outside.file("ca.pem"), server.caCertificate);
    await writeFile(outside.file("token"), TOKEN, { mode: 0o600 });
    const credentials = [{ url: server.url, username: "bot", tokenFile: "token" }];
    await writeFile(outside.file("git.json"), JSON.stringify({ caFile: "ca.pem", credentials }));
    await writeFile(outside.file("publish.json"), JSON.stringify({ remotes: [`${server.url}*`] }));
    await writeFile(env.dir.file("script.json"), JSON.stringify(SCRIPT));
    await writeFile(env.dir.file("agents.json"), JSON.stringify({ agents: { scripted: { script: "script.json" } } }));
    const runner = await env.addRunner({
      sandbox: "auto",
      env: {
        SIGNALBOX_AGENTS_FILE: env.dir.file("agents.json"),
        SIGNALBOX_RUNNER_GIT_FILE: outside.file("git.json"),
        SIGNALBOX_RUNNER_PUBLISH_FILE: outside.file("publish.json"),
        SIGNALBOX_LOG_LEVEL: "trace",
      },
    });
    const { client } = env;

    const { sessionId, runId } = await client.sessions.create({
      providerId: "scripted",
      task: "Change it",
      permissions: "all",
      repo: { url },
    });
    await using follower = new SessionFollower(client, sessionId, runId);
    const { state, changes } = await follower.end();
    const asked = await client.sessions.publish(sessionId, { branch: "agent/https", title: "Two" });
    const { approvalId, contentHash } = asked;
    await client.approvals.resolve(approvalId, { decision: "allow", contentHash });
    const published = await eventually(
      async () => (await client.sessions.publications(sessionId)).items.find(({ endedAt }) => endedAt !== undefined),
      { timeoutMs: 40_000 },
    );

    expect({ state, changes }).toEqual({ state: "COMPLETED", changes: { files: 1, added: 1, removed: 1 } });
    expect(published).toMatchObject({ state: "published", remote: url });
    expect(await git(outside.file("bare"), "show", "agent/https:a.txt")).toBe("two");
    expect(JSON.stringify(follower.said)).toContain(`url = ${url}`);
    const told = JSON.stringify([
      follower.events,
      follower.said,
      await client.runs.get(asked.runId),
      runner.said,
      env.server.said,
    ]);
    const forms = [TOKEN, Buffer.from(`bot:${TOKEN}`).toString("base64")];
    expect(forms.filter((form) => told.includes(form))).toEqual([]);
    for (const form of forms) expect(filesWith(form, env.dir.path)).toBe("");
    expect(filesWith(TOKEN, outside.path)).toBe(`${outside.file("token")}\n`);
  });
});

/** The files below a folder, data and logs, that hold a text. */
function filesWith(text: string, folder: string): string {
  return execFileSync("sh", ["-c", 'grep -rlF "$TEXT" "$FOLDER" || true'], {
    encoding: "utf8",
    env: { PATH: process.env["PATH"], TEXT: text, FOLDER: folder },
  });
}
