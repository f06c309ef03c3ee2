import { installAgent, listInstalled, npmEnvironment, removeAgent, resolveAgent } from "./install/index.ts";
import { startModelStub, stubPrompt } from "./model-stub/index.ts";
import { scriptedAgentArgv } from "./scripted-agent/index.ts";

/** What the README shows; compiled, so that it stays true. */
export async function install(): Promise<void> {
  const agent = await installAgent({
    provider: "codex",
    version: "0.169.0",
    root: "/var/lib/signalbox/agents",
    npm: { command: ["npm"], env: npmEnvironment(process.env) },
    onProgress: (stage) => console.log(stage),
  });
  console.log(agent.argv, agent.lockfileHash);
}

export async function installed(root: string): Promise<void> {
  const { argv, dir } = await resolveAgent({ provider: "codex", version: "0.169.0", root });
  for (const { provider, version } of await listInstalled({ root })) console.log(provider, version);
  await removeAgent({ provider: "codex", version: "0.166.0", root });
  console.log(argv, dir);
}

export async function stub(
  startYourAgent: (endpoint: { baseUrl: string; apiKey: string; prompt: string }) => Promise<void>,
): Promise<void> {
  await using stub = await startModelStub({ apiKey: "sk-test-fake" });

  await startYourAgent({
    baseUrl: stub.openAiUrl,
    apiKey: "sk-test-fake",
    prompt: stubPrompt({ scenario: "write_file", path: "hello.txt", content: "hi\n" }),
  });

  for (const { scenario, step, tools, toolResults, userAgent } of stub.requests) {
    console.log(scenario, step, tools, toolResults, userAgent);
  }
}

export function scripted(): readonly string[] {
  return scriptedAgentArgv({ script: "/path/to/script.json" });
}
