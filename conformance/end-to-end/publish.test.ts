import { writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

import type { AgentScriptInput } from "@signalbox/agents/scripted-agent";
import type { Client, OpenSession } from "@signalbox/client";
import type { Gate, Publication, RunDetails, Scope, Session } from "@signalbox/protocol";
import { eventually, FakeGitHub } from "@signalbox/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { SHORT_LEASES, startDevEnv, type DevEnv } from "../dev-env.ts";
import { findDamage } from "../_support/find-damage.ts";
import { git, makeGitRepository } from "../_support/git-repository.ts";
import { SessionFollower } from "../_support/session-follower.ts";
import { TerminalClient } from "../_support/terminal-client.ts";
import { WebhookReceiver } from "../_support/webhook-receiver.ts";

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

/** A server, and one runner whose scripted agent plays `SCRIPT` and whose owner lets it publish to `bare`. */
async function startEnv(github?: FakeGitHub): Promise<DevEnv> {
  const env = await startDevEnv({
    runners: 0,
    limits: { ...SHORT_LEASES, "lease.ttlMs": 5_000 },
    serverEnv: { SIGNALBOX_WEBHOOK_NETWORKS: "127.0.0.1", SIGNALBOX_WEBHOOK_NETWORK_PORTS: "1-65535" },
  });
  await writeFile(env.dir.file("script.json"), JSON.stringify(SCRIPT));
  await writeFile(env.dir.file("agents.json"), JSON.stringify({ agents: { scripted: { script: "script.json" } } }));
  await writeFile(env.dir.file("token"), `${github?.token ?? ""}\n`);
  const publish = {
    remotes: [pathToFileURL(env.dir.file("bare")).href],
    author: { name: "The Owner", email: "owner@example.invalid" },
    ...(github && {
      github: {
        apiUrl: github.url,
        tokenFile: "token",
        repositories: { [pathToFileURL(env.dir.file("bare")).href]: "acme/app" },
      },
    }),
  };
  await writeFile(env.dir.file("publish.json"), JSON.stringify(publish));
  await env.addRunner({
    slots: 20,
    env: {
      SIGNALBOX_AGENTS_FILE: env.dir.file("agents.json"),
      SIGNALBOX_RUNNER_PUBLISH_FILE: env.dir.file("publish.json"),
    },
  });
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

describe("what an agent changed", { timeout: 60_000 }, () => {
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

describe("publishing what an agent changed", { timeout: 60_000 }, () => {
  let github: FakeGitHub;
  let env: DevEnv;
  let client: Client;
  let bare: string;
  let url: string;
  beforeAll(async () => {
    github = await FakeGitHub.start();
    env = await startEnv(github);
    client = env.client;
    const origin = env.dir.file("origin");
    await makeGitRepository(origin, { "src/a.txt": "one\ntwo\nthree\n" });
    bare = env.dir.file("bare");
    await git(env.dir.path, "clone", "--quiet", "--bare", origin, bare);
    url = pathToFileURL(bare).href;
  });
  afterAll(async () => {
    await env[Symbol.asyncDispose]();
    await github[Symbol.asyncDispose]();
  });

  const branches = async (): Promise<string[]> =>
    (await git(bare, "for-each-ref", "--format=%(refname:short)", "refs/heads")).split("\n").filter(Boolean);

  /** A session that has changed something and is over. */
  async function changed(): Promise<Session> {
    const { follower } = await open(client, "change it", { repo: { url } });
    await using _ = follower;
    return await follower.end();
  }

  const approve = ({ approvalId, contentHash }: Publication) =>
    client.approvals.resolve(approvalId, { decision: "allow", contentHash });

  async function runEnd({ runId }: Pick<Publication, "runId">): Promise<RunDetails> {
    return eventually(
      async () => {
        const details = await client.runs.get(runId);
        if (details.run.endedAt === undefined) throw new Error(`the run is ${details.run.status}`);
        return details;
      },
      { timeoutMs: 40_000 },
    );
  }

  it("pushes exactly what was shown once somebody has approved it, and opens the pull request", async () => {
    const { sessionId } = await changed();
    const shown = await client.sessions.diff(sessionId);
    const request = {
      branch: "agent/two",
      title: "Make it 2",
      body: "Because.",
      openPr: true,
      diffHash: shown.diffHash,
    };

    const asked = await client.sessions.publish(sessionId, request);
    const before = await branches();
    await approve(asked);
    const { run, steps } = await runEnd(asked);

    expect(before).toEqual(["main"]);
    expect(asked).toMatchObject({ tree: shown.tree, diffHash: shown.diffHash, document: shown.document, remote: url });
    expect(run.status).toBe("succeeded");
    expect(await git(bare, "rev-parse", "agent/two^{tree}")).toBe(shown.tree);
    expect(await git(bare, "rev-parse", "agent/two^")).toBe(shown.base);
    expect(await git(bare, "log", "-1", "--format=%an <%ae>|%B", "agent/two")).toBe(
      `The Owner <owner@example.invalid>|Make it 2\n\nBecause.\n\nSignalbox-Session: ${sessionId}`,
    );
    const { outputs } = steps.find(({ name }) => name === "publish") ?? {};
    const pullRequest = { number: 1, url: "https://github.example/acme/app/pull/1" };
    expect(outputs).toMatchObject({ branch: "agent/two", pullRequest });
    expect(github.pulls).toEqual([
      { number: 1, title: "Make it 2", body: "Because.", head: "agent/two", base: "main" },
    ]);
    const [publication] = (await client.sessions.publications(sessionId)).items;
    const commit = await git(bare, "rev-parse", "agent/two");
    expect(publication).toMatchObject({ ...asked, state: "published", commit, opened: pullRequest });
  });

  // Red where only who asks to publish counts as a requester.
  it("is decided neither by who made the session nor by who asks, where the project refuses that", async () => {
    await client.projects.put("strict", { approvals: { selfApproval: "refused" } });
    const scopes: Scope[] = ["runs:read", "sessions:read", "sessions:write", "gates:decide"];
    const [maker, asker] = await Promise.all(
      ["maker", "asker"].map(async (name) => {
        const { token } = await client.tokens.create({ name, scopes });
        return env.server.client({ token });
      }),
    );
    const { session, follower } = await open(maker!, "change it", { repo: { url }, projectId: "strict" });
    await using _ = follower;
    await follower.end();
    const asked = await asker!.sessions.publish(session.sessionId, { branch: "agent/strict", title: "Make it 2" });
    const { approvalId, contentHash } = asked;

    for (const own of [maker!, asker!]) {
      const yes = own.approvals.resolve(approvalId, { decision: "allow", contentHash });
      await expect(yes).rejects.toMatchObject({ code: "SELF_APPROVAL" });
    }
    await approve(asked);

    expect((await runEnd(asked)).run.status).toBe("succeeded");
    expect(await branches()).toContain("agent/strict");
  });

  it("pushes nothing that was denied", async () => {
    const { sessionId } = await changed();
    const asked = await client.sessions.publish(sessionId, { branch: "agent/denied", title: "No" });

    await client.approvals.resolve(asked.approvalId, { decision: "deny", reason: "not like this" });
    const { run } = await runEnd(asked);

    expect(run).toMatchObject({ status: "failed", reason: "gate_denied" });
    expect(await branches()).not.toContain("agent/denied");
    expect((await client.sessions.publications(sessionId)).items).toMatchObject([
      { state: "failed", reason: "gate_denied", message: "not like this" },
    ]);
  });

  it("is told in the log of its session, while this goes on and after its end, to everybody who listens", async () => {
    await using receiver = await WebhookReceiver.open();
    await client.webhooks.create({ url: receiver.url, events: ["publish.*"] });
    const { session, follower } = await open(client, "change it", { repo: { url }, mode: "interactive" });
    await using _ = follower;
    await follower.turnEnd(1);
    const { sessionId } = session;
    await using socket = await TerminalClient.connect(env.server, sessionId);
    socket.follow({ after: 0 });

    const first = await client.sessions.publish(sessionId, { branch: "agent/told", title: "Told" });
    await approve(first);
    await runEnd(first);
    await client.sessions.stop(sessionId);
    await follower.end();
    const second = await client.sessions.publish(sessionId, { branch: "agent/told-late", title: "Late" });
    await client.approvals.resolve(second.approvalId, { decision: "deny", reason: "too late" });
    await runEnd(second);

    const commit = await git(bare, "rev-parse", "agent/told");
    const about = { runId: first.runId, remote: url, branch: "agent/told" };
    const late = { runId: second.runId, remote: url, branch: "agent/told-late" };
    const told = [
      ["publish.requested", expect.objectContaining({ ...about, approvalId: first.approvalId, tree: first.tree })],
      ["publish.succeeded", { ...about, commit }],
      ["publish.requested", expect.objectContaining(late)],
      ["publish.failed", { ...late, reason: "gate_denied", message: "too late" }],
    ];
    const after = follower.events.at(-1)?.seq ?? 0;
    const logged = [...follower.events];
    for await (const item of client.sessions.watch(sessionId, { after })) if ("type" in item) logged.push(item);
    const published = logged.filter(({ type }) => type.startsWith("publish."));
    expect(published.map(({ type, data }): [string, unknown] => [type, data])).toEqual(told);
    const heard = (): [string, unknown][] =>
      socket.happenings("publish.").map(({ action, data }): [string, unknown] => [action, data]);
    expect(await eventually(() => (heard().length === told.length ? heard() : undefined))).toEqual(told);
    expect(await eventually(() => (receiver.types.length === told.length ? receiver.types : undefined))).toEqual(
      told.map(([type]) => type),
    );
  });

  it("is finished once when its runner is killed between the push and the host's first answer", async () => {
    const { sessionId } = await changed();
    const asked = await client.sessions.publish(sessionId, { branch: "agent/between", title: "Between", openPr: true });
    const reached = Promise.withResolvers<void>();
    github.onCall = () => {
      github.onCall = () => undefined;
      void env.runner.kill().then(reached.resolve);
    };

    await approve(asked);
    await reached.promise;
    const pushed = await git(bare, "rev-parse", "agent/between");
    const before = github.pulls.filter(({ head }) => head === "agent/between");
    await env.runner.start();
    const { run } = await runEnd(asked);

    expect(before).toEqual([]);
    expect(run.status).toBe("succeeded");
    expect(await git(bare, "rev-parse", "agent/between")).toBe(pushed);
    expect(github.pulls.filter(({ head }) => head === "agent/between")).toHaveLength(1);
  });

  it("refuses a yes to what the workspace no longer holds, and what was looked at before that", async () => {
    const { session, follower } = await open(client, "change it", { repo: { url }, mode: "interactive" });
    await using _ = follower;
    await follower.turnEnd(1);
    const { diffHash } = await client.sessions.diff(session.sessionId);
    const asked = await client.sessions.publish(session.sessionId, { branch: "agent/late", title: "Late" });
    await client.sessions.say(session.sessionId, { text: "more" });
    await follower.turnEnd(2);

    await expect(approve(asked)).rejects.toMatchObject({ code: "CONTENT_CHANGED" });
    const again = client.sessions.publish(session.sessionId, { branch: "agent/late", title: "Late", diffHash });
    await expect(again).rejects.toMatchObject({ code: "CONTENT_CHANGED" });
    await client.approvals.resolve(asked.approvalId, { decision: "deny" });
    await runEnd(asked);
    await client.sessions.stop(session.sessionId);
    await follower.end();

    expect(await branches()).not.toContain("agent/late");
  });

  it("is finished once when its runner is killed between the push and the pull request", async () => {
    const { sessionId } = await changed();
    const asked = await client.sessions.publish(sessionId, { branch: "agent/killed", title: "Killed", openPr: true });
    const reached = Promise.withResolvers<void>();
    let orders = 0;
    github.beforeOpen = async () => {
      orders += 1;
      if (orders > 1) return;
      // The host opens it, but the runner never hears of it.
      await env.runner.kill();
      reached.resolve();
    };

    await approve(asked);
    await reached.promise;
    const pushed = await git(bare, "rev-parse", "agent/killed");
    await env.runner.start();
    const { run, steps } = await runEnd(asked);

    expect(run.status).toBe("succeeded");
    expect(steps.find(({ name }) => name === "publish")?.attempts.length).toBe(2);
    expect(await git(bare, "rev-parse", "agent/killed")).toBe(pushed);
    expect(github.pulls.filter(({ head }) => head === "agent/killed")).toHaveLength(1);
  });

  it("publishes what was recorded last of a session that was lost with its machine in a turn, and says of when it is", async () => {
    const { session, follower } = await open(client, "change it", { repo: { url }, mode: "interactive" });
    await using _ = follower;
    const { sessionId } = session;
    await follower.turnEnd(1);
    await follower.until(({ types }) => types.includes("workspace.changed"));
    await client.sessions.say(sessionId, { text: "hang" });
    await follower.until(({ words }) => words.includes("On."));
    await env.runner.kill();
    const held = { branch: "agent/lost", title: "Lost" };
    await follower.until(({ types }) => types.includes("session.interrupted"), "its loss");
    await expect(client.sessions.publish(sessionId, held)).rejects.toMatchObject({ code: "DIFF_UNAVAILABLE" });

    await client.sessions.stop(sessionId);
    await follower.end();
    const shown = await client.sessions.diff(sessionId);
    const asked = await client.sessions.publish(sessionId, held);
    const { description } = await client.approvals.get(asked.approvalId);
    await env.runner.start();
    await approve(asked);
    const { run } = await runEnd(asked);

    expect(shown).toMatchObject({ isFinal: false, isLeftover: true });
    expect(shown.files.map(({ path }) => path)).toEqual(["src/a.txt"]);
    expect(asked).toMatchObject({ isLeftover: true, takenAt: shown.takenAt, tree: shown.tree });
    expect(description).toContain(`as it was at ${shown.takenAt}: what it did after that was lost with its machine`);
    expect(run.status).toBe("succeeded");
    expect(await git(bare, "rev-parse", "agent/lost^{tree}")).toBe(shown.tree);
  });

  it.each([
    ["a protected branch", "main", "policy_refused"],
    ["a protected family", "release/2", "policy_refused"],
    ["a branch that has other commits", "taken", "tool_failure"],
  ])("leaves %s alone", async (_, branch, reason) => {
    await git(bare, "branch", "--force", "taken", await git(bare, "commit-tree", "main^{tree}", "-m", "Another"));
    const { sessionId } = await changed();
    const before = await git(bare, "for-each-ref");

    const asked = await client.sessions.publish(sessionId, { branch, title: "Mine" });
    await approve(asked);
    const { run, steps } = await runEnd(asked);

    expect(run.status).toBe("failed");
    expect(steps.find(({ name }) => name === "publish")).toMatchObject({ reason });
    expect(await git(bare, "for-each-ref")).toBe(before);
  });

  it("opens the pull request of a standard run behind its gate, and nothing before it", async () => {
    const standard = { prompt: "change it", openPr: true };
    const { id } = await client.runs.create({ standard, repo: { url } });
    const gate = await eventually(
      async () => {
        const { items } = await client.gates.list({ runId: id, status: "pending" });
        if (!items[0]) throw new Error("no gate yet");
        return items[0];
      },
      { timeoutMs: 40_000 },
    );
    const branch = `signalbox/${id}`;
    const before = await branches();
    const shown = await client.gates.diff(gate.id);

    await client.gates.approve(gate.id, { contentHash: gate.contentHash });
    const { run, steps } = await runEnd({ runId: id });

    expect(before).not.toContain(branch);
    expect(shown.text).toContain("-two\n+2\n");
    expect(gate.content.changes).toMatchObject({ tree: shown.tree, diffHash: shown.diffHash, stats: shown.stats });
    expect(run.status).toBe("succeeded");
    expect(await git(bare, "rev-parse", `${branch}^{tree}`)).toBe(shown.tree);
    expect(await git(bare, "show", `${branch}:src/a.txt`)).toBe("one\n2\nthree");
    expect(await git(bare, "log", "-1", "--format=%an|%B", branch)).toBe(`The Owner|change it\n\nSignalbox-Run: ${id}`);
    expect(steps.find(({ name }) => name === "pull-request")?.outputs).toMatchObject({
      pullRequest: { url: expect.stringContaining("/acme/app/pull/") as string },
    });
  });

  /** A plan that proposes what `work` wrote, and a step beside it that changes the workspace once `later` lets it. */
  const contested = (proposalNeeds: string[]) => ({
    goal: "Contested",
    steps: [
      { name: "work", tool: "command", inputs: { shell: "echo shown >shown.txt" } },
      { name: "changes", tool: "changes", needs: ["work"] },
      { name: "approve", tool: "gate:manual", needs: ["changes"] },
      { name: "later", tool: "gate:manual", needs: ["work"] },
      { name: "sneak", tool: "command", needs: ["later"], inputs: { shell: "echo unseen >unseen.txt" } },
      { name: "pull-request", tool: "pull-request", needs: proposalNeeds },
    ],
  });

  async function gateOf(runId: string, step: string): Promise<Gate> {
    return eventually(
      async () => {
        const found = (await client.gates.list({ runId })).items.find((gate) => gate.step === step);
        if (!found) throw new Error(`gate ${step} is not open yet`);
        return found;
      },
      { timeoutMs: 40_000 },
    );
  }

  it("refuses a yes to a run's workspace that another step has changed since it was shown", async () => {
    const { id } = await client.runs.create({ plan: contested(["approve"]), repo: { url } });
    const gate = await gateOf(id, "approve");
    const shown = await client.gates.diff(gate.id);
    await client.gates.approve((await gateOf(id, "later")).id);
    await eventually(
      async () => {
        const { steps } = await client.runs.get(id);
        return steps.some(({ name, status }) => name === "sneak" && status === "succeeded");
      },
      { timeoutMs: 40_000 },
    );

    const { contentHash } = gate;
    await expect(client.gates.approve(gate.id, { contentHash })).rejects.toMatchObject({ code: "CONTENT_CHANGED" });
    await client.gates.reject(gate.id);
    await runEnd({ runId: id });

    expect(shown.files.map(({ path }) => path)).toEqual(["shown.txt"]);
    expect(await branches()).not.toContain(`signalbox/${id}`);
  });

  it("pushes nothing of a run whose workspace was changed between the yes and the push", async () => {
    const { id } = await client.runs.create({ plan: contested(["approve", "sneak"]), repo: { url } });
    await client.gates.approve((await gateOf(id, "approve")).id);
    await client.gates.approve((await gateOf(id, "later")).id);
    const { steps } = await runEnd({ runId: id });

    expect(steps.find(({ name }) => name === "pull-request")).toMatchObject({
      reason: "envelope_mismatch",
      message: expect.stringContaining("CONTENT_CHANGED") as string,
    });
    expect(await branches()).not.toContain(`signalbox/${id}`);
  });

  it("has nothing to publish where nothing was changed, and no plan reaches the tool", async () => {
    const { session, follower } = await open(client, "look", { repo: { url } });
    await using _ = follower;
    await follower.end();
    const empty = client.sessions.publish(session.sessionId, { branch: "agent/empty", title: "Nothing" });
    const plan = { goal: "sneak", steps: [{ name: "publish", tool: "publish", inputs: {} }] };

    await expect(empty).rejects.toMatchObject({ code: "INVALID_STATE" });
    await expect(client.runs.create({ plan })).rejects.toMatchObject({ code: "UNKNOWN_TOOL" });
  });

  it("leaves a store without damage", async () => {
    expect(await findDamage(env.server)).toEqual([]);
  });
});
