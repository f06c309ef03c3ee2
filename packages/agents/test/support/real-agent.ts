import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { codexCatalog } from "../../src/index.ts";
import type { AgentAdapter, AgentStartSpec } from "../../src/index.ts";
import { agentsCacheDir, installedAgents, PINNED_AGENTS } from "../../src/install/index.ts";
import type { InstallableProvider, InstalledAgent } from "../../src/install/index.ts";
import { startModelStub, stubPrompt } from "../../src/model-stub/index.ts";
import type { ScenarioInput } from "../../src/model-stub/index.ts";
import type { ContractLab, Task } from "../agent-contract.ts";
import { agentLab } from "./agent-lab.ts";

/** A pinned agent, where it is in the cache; otherwise one line says that its tests are left out. */
export async function realAgent(provider: InstallableProvider): Promise<InstalledAgent | undefined> {
  const agent = (await installedAgents(process.env))[provider];
  if (!agent) {
    const cache = agentsCacheDir(process.env);
    process.stderr.write(`${provider} ${PINNED_AGENTS[provider]} is not in ${cache}: its tests are left out\n`);
  }
  return agent;
}

/** A real agent with a model that is a stub on the loopback address, and a key that is none. */
export async function realLab(agent: InstalledAgent, adapter: AgentAdapter): Promise<ContractLab> {
  const stub = await startModelStub({ apiKey: FAKE_KEY });
  const lab = await agentLab(adapter, {
    program: agent,
    endpoint: { baseUrl: agent.provider === "codex" ? stub.openAiUrl : stub.url, apiKey: FAKE_KEY },
  });
  const settings = await settingsOf(agent, lab.home, lab.tmpDir);
  return {
    ...lab,
    start: (more = {}) => lab.start({ ...settings, ...more }),
    open: (more = {}) => lab.open({ ...settings, ...more }),
    heard: () => JSON.stringify(stub.requests.at(-1)?.body),
    hasHungUp: () => stub.requests.at(-1)?.outcome === "aborted",
    prompt: (task) => stubPrompt(scenarioOf(task, agent.provider, lab.workspace)),
    async [Symbol.asyncDispose]() {
      await lab[Symbol.asyncDispose]();
      await stub[Symbol.asyncDispose]();
    },
  };
}

export const FAKE_KEY = "sk-test-fake";

/** What keeps tests short: a model that is not asked twice. */
async function settingsOf(agent: InstalledAgent, home: string, tmpDir: string): Promise<Partial<AgentStartSpec>> {
  switch (agent.provider) {
    case "codex": {
      const modelCatalogFile = join(tmpDir, "catalog.json");
      const env = { PATH: "/usr/bin:/bin", HOME: home, TMPDIR: tmpDir };
      await writeFile(modelCatalogFile, await codexCatalog({ argv: agent.argv, env, model: "stub-model" }));
      return { model: "stub-model", options: { modelCatalogFile, modelRetries: 0 } };
    }
    case "claude_code":
      return { options: { modelRetries: 0 } };
    case "gemini_cli":
      return { model: "gemini-2.5-flash", options: { modelAttempts: 1 } };
  }
}

function scenarioOf(task: Task, provider: InstallableProvider, workspace: string): ScenarioInput {
  switch (task.task) {
    case "say":
      return { scenario: "text", text: task.text };
    case "think":
      return { scenario: "think" };
    case "write":
      // Claude writes to absolute paths only.
      return {
        scenario: "write_file",
        path: provider === "claude_code" ? join(workspace, task.path) : task.path,
        content: task.content,
      };
    case "plan":
      return {
        scenario: "plan_and_write",
        path: provider === "claude_code" ? join(workspace, task.path) : task.path,
        content: task.content,
      };
    case "run":
      return { scenario: "run_command", command: task.command };
    case "ask":
      return { scenario: "ask", question: task.question, options: [...task.options] };
    case "slow":
      return { scenario: "slow", pieces: 600, intervalMs: 100 };
    case "fail":
      return { scenario: "error", status: task.status };
    case "recall":
      return { scenario: "recall" };
  }
}
