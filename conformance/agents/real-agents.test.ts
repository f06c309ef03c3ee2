import { mkdir, rm, writeFile } from "node:fs/promises";

import { codexCatalog, type AgentEventOf } from "@signalbox/agents";
import { agentsCacheDir, installedAgents, PINNED_AGENTS, type InstalledAgent } from "@signalbox/agents/install";
import { startModelStub, stubPrompt, type ModelStub, type ScenarioInput } from "@signalbox/agents/model-stub";
import type { Client, OpenSession } from "@signalbox/client";
import type { ProviderId, Session } from "@signalbox/protocol";
import { eventually } from "@signalbox/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startDevEnv, type DevEnv } from "../dev-env.ts";
import { makeGitRepository } from "../_support/git-repository.ts";
import { findDamage } from "../_support/find-damage.ts";
import { SessionFollower } from "../_support/session-follower.ts";

const FAKE_KEY = "sk-test-fake-0123456789";
const cached = await installedAgents(process.env);

/** A server, one runner that offers a real agent, and the model that this agent asks: a stub on the loopback address. */
class AgentEnv implements AsyncDisposable {
  readonly env: DevEnv;
  readonly stub: ModelStub;
  readonly agent: InstalledAgent;

  private constructor(env: DevEnv, stub: ModelStub, agent: InstalledAgent) {
    this.env = env;
    this.stub = stub;
    this.agent = agent;
  }

  static async open(agent: InstalledAgent): Promise<AgentEnv> {
    const stub = await startModelStub({ apiKey: FAKE_KEY });
    const env = await startDevEnv({ runners: 0 });
    const { provider, version } = agent;
    await writeFile(env.dir.file("key"), `${FAKE_KEY}\n`);
    const settings = await settingsOf(agent, env);
    const baseUrl = provider === "codex" ? stub.openAiUrl : stub.url;
    const entry = { version, endpoint: { baseUrl, apiKeyFile: "key" }, ...settings };
    await writeFile(env.dir.file("agents.json"), JSON.stringify({ agents: { [provider]: entry } }));
    await env.addRunner({
      sandbox: "auto",
      env: {
        SIGNALBOX_AGENTS_FILE: env.dir.file("agents.json"),
        SIGNALBOX_AGENTS_DIR: agentsCacheDir(process.env),
        SIGNALBOX_CODEGEN_PROVIDER: provider,
        A_SECRET_OF_THE_MACHINE: "must not be seen",
      },
    });
    return new AgentEnv(env, stub, agent);
  }

  get client(): Client {
    return this.env.client;
  }

  async isEnclosed(): Promise<boolean> {
    const { items } = await this.client.runners.list();
    return items[0]?.capabilities.features.includes("sandbox") === true;
  }

  /** Whether the agent works in a folder whose path is known before. */
  async knowsItsFolder(): Promise<boolean> {
    return (await this.isEnclosed()) || this.agent.provider !== "claude_code";
  }

  /** Opens a session whose agent's model does this, and follows it. */
  async open(
    scenario: ScenarioInput,
    more: Partial<OpenSession> = {},
  ): Promise<{ session: Session; follower: SessionFollower }> {
    const session = await this.client.sessions.create({
      providerId: this.agent.provider,
      task: stubPrompt(scenario),
      timeoutMinutes: 2,
      ...MODELS[this.agent.provider],
      ...more,
    });
    return { session, follower: new SessionFollower(this.client, session.sessionId, session.runId) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.env[Symbol.asyncDispose]();
    await this.stub[Symbol.asyncDispose]();
  }
}

const MODELS = {
  codex: { model: "stub-model" },
  claude_code: {},
  gemini_cli: { model: "gemini-2.5-flash" },
};

/** What keeps tests short: a model that is not asked twice. */
async function settingsOf(agent: InstalledAgent, env: DevEnv): Promise<object> {
  if (agent.provider === "claude_code") return { options: { modelRetries: 0 } };
  if (agent.provider === "gemini_cli") return { options: { modelAttempts: 1 } };
  const folder = env.dir.file("codex");
  await mkdir(`${folder}/home`, { recursive: true });
  const modelCatalogFile = `${folder}/catalog.json`;
  const environment = { PATH: "/usr/bin:/bin", HOME: `${folder}/home`, TMPDIR: folder };
  await writeFile(modelCatalogFile, await codexCatalog({ argv: agent.argv, env: environment, model: "stub-model" }));
  return { folders: [folder], options: { modelCatalogFile, modelRetries: 0 } };
}

/** Claude writes to absolute paths only; a sandbox shows every workspace at the same place. */
function writing({ provider }: InstalledAgent): ScenarioInput {
  const path = provider === "claude_code" ? "/work/hello.txt" : "hello.txt";
  return { scenario: "write_file", path, content: "hi\n" };
}

for (const [name, version] of Object.entries(PINNED_AGENTS)) {
  const agent = cached[name as keyof typeof PINNED_AGENTS];
  if (!agent)
    process.stderr.write(`${name} ${version} is not in ${agentsCacheDir(process.env)}: its tests are left out\n`);
  describe.skipIf(!agent)(`a session with the real ${name}`, () => {
    let real: AgentEnv;
    beforeAll(async () => {
      if (agent) real = await AgentEnv.open(agent);
    });
    afterAll(() => real[Symbol.asyncDispose]());

    it("is offered in the version that its runner has", async () => {
      const { items } = await real.client.runners.list();

      expect(items[0]?.capabilities.providers).toContain(name as ProviderId);
      expect(items[0]?.runtimeVersions).toMatchObject({ [name]: version });
    });

    it("streams what it says, asks before it writes, and writes what it was allowed", async ({ skip }) => {
      if (!(await real.knowsItsFolder())) skip("Claude writes to absolute paths only");
      const { session, follower } = await real.open(writing(real.agent));
      await using _ = follower;

      const approval = await follower.approval();
      const { approvalId, contentHash } = approval;
      await real.client.approvals.resolve(approvalId, { decision: "allow", contentHash });
      const ended = await follower.end();

      expect(JSON.stringify(approval.context)).toContain("hello.txt");
      expect(ended).toMatchObject({ state: "COMPLETED", reason: "finished", turns: 1 });
      expect(follower.words).not.toBe("");
      expect((await real.client.files.list(session.runId)).files.map(({ path }) => path)).toContain("hello.txt");
      expect(ended.usage.inputTokens).toBeGreaterThan(1_000);
      expect(real.stub.requests.at(-1)?.userAgent).toContain(version);
      expect(JSON.stringify([follower.said, follower.events])).not.toContain(FAKE_KEY);
    });

    it("does not write what it was denied", async ({ skip }) => {
      if (!(await real.knowsItsFolder())) skip("Claude writes to absolute paths only");
      const { session, follower } = await real.open(writing(real.agent));
      await using _ = follower;

      const { approvalId } = await follower.approval();
      await real.client.approvals.resolve(approvalId, { decision: "deny", reason: "not this one" });
      await follower.turnEnd(1);
      await endInGoodOrder(real.client, session);
      await follower.end();

      expect((await real.client.files.list(session.runId)).files.map(({ path }) => path)).not.toContain("hello.txt");
    });

    it("is interrupted in the middle of a turn, and takes the next", async () => {
      const slow: ScenarioInput = { scenario: "slow", pieces: 600, intervalMs: 100 };
      const { session, follower } = await real.open(slow, { mode: "interactive" });
      await using _ = follower;
      await follower.until(() => follower.words.length > 0);

      await real.client.sessions.interrupt(session.sessionId);
      const turn = await follower.turnEnd(1);
      const text = stubPrompt({ scenario: "text", text: "Here again." });
      await real.client.sessions.say(session.sessionId, { text });
      await follower.until(() => follower.words.includes("Here again."));
      await follower.turnEnd(2);
      await real.client.sessions.stop(session.sessionId);
      const ended = await follower.end();

      expect(turn.data).toMatchObject({ status: "cancelled" });
      await eventually(() => real.stub.requests.some(({ outcome }) => outcome === "aborted"));
      expect(ended).toMatchObject({ state: "COMPLETED", reason: "closed" });
    });

    it.each([429, 500] as const)("fails, and says why, when its model answers %i", async (status) => {
      const { follower } = await real.open({ scenario: "error", status });
      await using _ = follower;

      const ended = await follower.end();

      expect(ended).toMatchObject({ state: "FAILED", reason: "agent_failed" });
      const failed = follower.said.filter((event): event is AgentEventOf<"turn.ended"> => event.type === "turn.ended");
      expect(failed.at(-1)).toMatchObject({ status: "failed" });
    });

    it("goes on with its conversation after its runner was killed in the middle of a turn", async () => {
      const { session, follower } = await real.open({ scenario: "text", text: "First." }, { mode: "interactive" });
      await using _ = follower;
      const { sessionId } = session;
      await follower.turnEnd(1);
      const said = follower.words.length;
      const slow = stubPrompt({ scenario: "slow", pieces: 600, intervalMs: 100 });
      await real.client.sessions.say(sessionId, { text: slow });
      await follower.until(() => follower.words.length > said);

      await real.env.runner.kill();
      await real.env.runner.start();
      await follower.until(() => follower.types.filter((type) => type === "turn.started").length === 3, "to go on");
      // What it was told to go on with may last; one that has ended by now is left alone.
      await real.client.sessions.interrupt(sessionId);
      await follower.turnEnd(2);
      await real.client.sessions.say(sessionId, { text: stubPrompt({ scenario: "recall" }) });
      const recalled = await follower.until(() => /(\d+) earlier/.exec(follower.words)?.[1], "what it remembers");
      await follower.turnEnd(3);
      const { resumed } = await real.client.sessions.get(sessionId);
      await real.client.sessions.stop(sessionId);
      const ended = await follower.end();

      expect(resumed).toBe("loaded");
      expect(Number(recalled)).toBeGreaterThanOrEqual(2);
      expect(ended).toMatchObject({ state: "COMPLETED", reason: "closed" });
    });

    it("is told what was said where its home has gone with its machine", async () => {
      const { session, follower } = await real.open({ scenario: "text", text: "The hull." }, { mode: "interactive" });
      await using _ = follower;
      const { sessionId } = session;
      await follower.turnEnd(1);

      await real.env.runner.kill();
      await rm(`${real.env.runner.dataDir}/sessions`, { recursive: true });
      await real.env.runner.start();
      await follower.until(
        () => follower.types.filter((type) => type === "session.started").length === 2,
        "a new start",
      );
      await real.client.sessions.say(sessionId, { text: stubPrompt({ scenario: "text", text: "The mast." }) });
      await follower.turnEnd(2);
      const { resumed, resumeFailure } = await real.client.sessions.get(sessionId);
      await real.client.sessions.stop(sessionId);
      const ended = await follower.end();

      expect([resumed, resumeFailure]).toEqual(["bootstrapped", expect.stringMatching(/^not loaded: /)]);
      const told = real.stub.requests.map(({ body }) => JSON.stringify(body));
      expect(told.some((body) => /its history could not be loaded.*<agent>\\+nThe hull\..*The mast\./.test(body))).toBe(
        true,
      );
      expect(ended).toMatchObject({ state: "COMPLETED", reason: "closed" });
    });

    it("knows what its workspace has for agents to know", async () => {
      const own = { codex: "AGENTS.md", claude_code: "CLAUDE.md", gemini_cli: "GEMINI.md" }[real.agent.provider];
      const others = ["CLAUDE.md", "GEMINI.md"].filter((name) => name !== own);
      const url = await makeGitRepository(real.env.dir.file("noted"), {
        [own]: `For ${real.agent.provider}: use tabs.`,
        ...Object.fromEntries(others.map((name) => [name, "For another: use spaces."])),
      });
      const { follower } = await real.open({ scenario: "text", text: "Fine." }, { repo: { url } });
      await using _ = follower;

      const ended = await follower.end();

      expect(ended.state).toBe("COMPLETED");
      const told = real.stub.requests.map(({ body }) => JSON.stringify(body));
      expect(told.some((body) => body.includes(`For ${real.agent.provider}: use tabs.`))).toBe(true);
      expect(told.some((body) => body.includes("For another"))).toBe(false);
    });

    it("runs commands that see nothing of the machine's environment", async () => {
      const { follower } = await real.open({ scenario: "run_command", command: "env" }, { permissions: "all" });
      await using _ = follower;

      const ended = await follower.end();
      const results = real.stub.requests.flatMap(({ toolResults }) =>
        toolResults.map((result) => JSON.stringify(result)),
      );
      const environment = results.find((result) => result.includes("HOME=")) ?? "";

      expect(ended.state).toBe("COMPLETED");
      expect(environment).toContain("PATH=");
      expect(environment).not.toMatch(/A_SECRET_OF|must not be seen|SIGNALBOX_(URL|ENROLMENT|RUNNER|AGENTS)/);
      expect(environment).not.toContain(FAKE_KEY);
    });

    it("shows a command that looks into every process nothing of the machine, nor the key of its model", async ({ skip }) => {
      skip(!(await real.isEnclosed()), "this runner has no sandbox");
      const look = "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | sort -u | tail -c 20000; echo LOOKED";
      const { follower } = await real.open({ scenario: "run_command", command: look }, { permissions: "all" });
      await using _ = follower;

      await follower.end();
      const results = real.stub.requests.flatMap(({ toolResults }) => toolResults.map((each) => JSON.stringify(each)));
      const seen = results.find((result) => result.includes("LOOKED")) ?? "";

      expect(seen).toContain("HOME=");
      expect(seen).not.toContain(FAKE_KEY);
      expect(seen).not.toMatch(/A_SECRET_OF|must not be seen|SIGNALBOX_(URL|ENROLMENT|RUNNER|AGENTS)/);
    });

    it("works on a step without a person: writes what the step allows, and runs nothing that it does not", async ({
      skip,
    }) => {
      if (!(await real.knowsItsFolder())) skip("Claude writes to absolute paths only");
      const step = (name: string, scenario: ScenarioInput) => ({
        name,
        tool: `agent:${real.agent.provider}`,
        inputs: { task: stubPrompt(scenario), permissions: "all", ...MODELS[real.agent.provider] },
        toolsAllowed: ["write_file"],
      });
      const { id } = await real.client.runs.create({
        plan: {
          goal: "write only",
          steps: [
            step("write", writing(real.agent)),
            step("run", { scenario: "run_command", command: "touch ran.txt" }),
          ],
        },
      });

      const { steps, artifacts } = await real.client.runs.wait(id);
      const { files } = await real.client.files.list(id);
      await using follower = new SessionFollower(real.client, steps[1]?.sessionId ?? "", id);
      await follower.end();

      expect(steps[0]).toMatchObject({ status: "succeeded", outputs: { agent: name, files: ["hello.txt"] } });
      expect(artifacts.map(({ path }) => path)).toEqual(["hello.txt"]);
      expect(files.map(({ path }) => path)).toEqual(["hello.txt"]);
      expect(follower.events.find(({ type }) => type === "tool.denied")?.data).toMatchObject({
        description: expect.stringContaining("touch ran.txt") as string,
      });
    });

    it("works on a prompt, where the machine's owner has it do so", async ({ skip }) => {
      if (!(await real.knowsItsFolder())) skip("Claude writes to absolute paths only");

      const { id } = await real.client.runs.create({ standard: { prompt: stubPrompt(writing(real.agent)) } });
      const { run, steps, artifacts } = await real.client.runs.wait(id);
      const session = await real.client.sessions.get(steps[0]?.sessionId ?? "");

      expect(run.status).toBe("succeeded");
      expect(session).toMatchObject({ providerId: name, state: "COMPLETED", turns: 1 });
      expect(artifacts.map(({ path }) => path)).toEqual(["hello.txt"]);
    });

    it("leaves, with all the others, data that adds up", async () => {
      expect(await findDamage(real.env.server)).toEqual([]);
    });
  });
}

/** An agent for which a denial ends its turn leaves its session open; another one ends by itself. */
async function endInGoodOrder(client: Client, { sessionId }: Session): Promise<void> {
  const { state } = await client.sessions.get(sessionId);
  if (state === "RUNNING") await client.sessions.stop(sessionId).catch(() => undefined);
}
