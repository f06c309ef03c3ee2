import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { CONFIG, OmnaraFake, ORG, PROJECT, type FakeAgent } from "@signalbox/agents/omnara-fake";
import { eventually } from "@signalbox/testkit";
import { beforeAll, afterAll, describe, expect, it } from "vitest";

import { freePort, startDevEnv, type DevEnv } from "../dev-env.ts";
import { RecordingProxy } from "../_support/recording-proxy.ts";
import { SessionFollower } from "../_support/session-follower.ts";

// Omnara is played by a fake that was made from its published OpenAPI: nothing here was tried against a live one.

const KEY = "omnara_org_v1_keyofthetest";
const IDS = { org: ORG, project: PROJECT, config: CONFIG };
const FORM = {
  title: "Permission requested for run_command",
  context: [{ label: "Command", value: "make release" }],
  questions: [{ prompt: "Allow this tool call?", options: [{ label: "Allow" }, { label: "Deny", allows_text: true }] }],
};

async function work(agent: FakeAgent, text: string): Promise<void> {
  if (!text.includes("release")) return agent.say("Hello from elsewhere.");
  const call = agent.call("run_command", { command: "make release" });
  const asked = agent.ask("permission", FORM);
  await eventually(() => asked.state === "resolved");
  agent.result(call, "succeeded", "released");
  agent.say("It is released.");
}

describe("an agent of Omnara's on the fleet, played by a fake made from its OpenAPI", () => {
  let env: DevEnv;
  let fake: OmnaraFake;
  let proxy: RecordingProxy;
  beforeAll(async () => {
    fake = await OmnaraFake.start(KEY);
    fake.onTurn = work;
    const port = await freePort();
    env = await startDevEnv({ runners: 0, doors: [port] });
    proxy = await RecordingProxy.before(env.server.url, port);
    env.use(proxy);
    env.use(fake);
    await writeFile(env.dir.file("omnara.key"), `${KEY}\n`);
    const endpoint = { baseUrl: fake.baseUrl, apiKeyFile: "omnara.key" };
    await writeFile(env.dir.file("agents.json"), JSON.stringify({ agents: { omnara: { endpoint, options: IDS } } }));
  });
  afterAll(() => env[Symbol.asyncDispose]());

  it("is offered only by a runner that has its endpoint and key", async () => {
    await env.addRunner({ url: proxy.url });
    const session = await env.client.sessions.create({ providerId: "omnara", task: "Hello." });
    await using follower = new SessionFollower(env.client, session.sessionId, session.runId);
    expect(session.state).toBe("QUEUED");

    await env.addRunner({ url: proxy.url, env: { SIGNALBOX_AGENTS_FILE: env.dir.file("agents.json") } });
    await follower.turnEnd(1);

    const runners = await env.client.runners.list();
    const offers = runners.items.map(({ capabilities, runtimeVersions }) => [capabilities.providers, runtimeVersions]);
    expect(offers).toContainEqual([["scripted"], expect.not.objectContaining({ omnara: "unknown" })]);
    expect(offers).toContainEqual([["scripted", "omnara"], expect.objectContaining({ omnara: "unknown" })]);
    expect(follower.words).toBe("Hello from elsewhere.");
  });

  it("is spoken to, asks, is allowed, and is given up at the end; its key goes to Omnara and nowhere else", async () => {
    const session = await env.client.sessions.create({ providerId: "omnara", task: "Make the release." });
    await using follower = new SessionFollower(env.client, session.sessionId, session.runId);

    const approval = await follower.approval();
    expect(approval).toMatchObject({ kind: "permission", context: { kind: "tool" } });
    expect(approval.description).toContain("Command: make release");
    await env.client.approvals.resolve(approval.approvalId, { decision: "allow", contentHash: approval.contentHash });
    await follower.turnEnd(1);
    await env.client.sessions.stop(session.sessionId);
    const ended = await follower.end();

    expect(ended.state).toBe("COMPLETED");
    expect(follower.words).toContain("It is released.");
    const [agent] = [...fake.agents.values()].slice(-1);
    expect(agent?.interactions[0]?.answers).toEqual([{ option_indices: [0] }]);
    await eventually(() => agent?.state === "archived");
    expect(proxy.sent).toContain("make release");
    expect(proxy.sent).not.toContain(KEY);
    expect(env.words()).not.toContain(KEY);
    expect(await filesWith(env.dir.path, KEY)).toEqual([env.dir.file("omnara.key")]);
  });

  it("does no step that is to change the workspace here, and says why", async () => {
    const plan = {
      goal: "g",
      steps: [{ name: "code", tool: "codegen", inputs: { prompt: "p" }, requires: { provider: "omnara" } }],
    };
    const run = await env.client.runs.create({ plan });

    const ended = await env.client.runs.wait(run.id);

    expect(ended.run.status).toBe("failed");
    expect(JSON.stringify(await env.client.runs.get(run.id))).toContain("works on a machine of its own");
  });
});

/** The files below a folder that hold some words. */
async function filesWith(folder: string, words: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && (await readFile(path)).includes(words)) found.push(path);
  }
  return found;
}
