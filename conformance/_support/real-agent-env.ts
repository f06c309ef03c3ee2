import { mkdir, writeFile } from "node:fs/promises";

import { codexCatalog } from "@signalbox/agents";
import { agentsCacheDir, installedAgents, PINNED_AGENTS, type InstalledAgent } from "@signalbox/agents/install";
import { startModelStub, stubPrompt, type ModelStub, type ScenarioInput } from "@signalbox/agents/model-stub";
import type { Client, OpenSession } from "@signalbox/client";
import type { ProviderId, Session } from "@signalbox/protocol";
import { afterAll, beforeAll, describe } from "vitest";

import { startDevEnv, type DevEnv } from "../dev-env.ts";
import { SessionFollower } from "./session-follower.ts";

export const FAKE_KEY = "sk-test-fake-0123456789";
const cached = await installedAgents(process.env);

/** A server, one runner that offers a real agent, and the model that this agent asks: a stub on the loopback address. */
export class AgentEnv implements AsyncDisposable {
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

export const MODELS = {
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
export function writing({ provider }: InstalledAgent): ScenarioInput {
  const path = provider === "claude_code" ? "/work/hello.txt" : "hello.txt";
  return { scenario: "write_file", path, content: "hi\n" };
}

/** The tests of each pinned agent that is in the cache; the others are left out, and a line says so. */
export function describeRealAgents(
  define: (agent: { readonly name: ProviderId; readonly version: string; readonly real: () => AgentEnv }) => void,
): void {
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
      define({ name: name as ProviderId, version, real: () => real });
    });
  }
}
