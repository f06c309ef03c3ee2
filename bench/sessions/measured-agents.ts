import { mkdir, writeFile } from "node:fs/promises";

import { codexCatalog } from "@signalbox/agents";
import { agentsCacheDir, installedAgents, PINNED_AGENTS, type InstalledAgent } from "@signalbox/agents/install";
import { stubPrompt, type ModelStub } from "@signalbox/agents/model-stub";
import { SCRIPTED_AGENT_VERSION, scriptedAgentArgv, type AgentScriptInput } from "@signalbox/agents/scripted-agent";
import type { TempDir } from "@signalbox/testkit";

import { acpWords, claudeWords, codexWords, type FirstWords } from "./first-words.ts";

/** An agent whose start is measured, bare and through Signalbox. */
export interface MeasuredAgent {
  readonly provider: string;
  readonly label: string;
  readonly argv: readonly [string, ...string[]];
  readonly version: string;
  readonly prompt: string;
  readonly model: string | undefined;
  readonly endpoint: { readonly baseUrl: string; readonly apiKey: string } | undefined;
  /** What only its provider knows, for its adapter. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly firstWords: FirstWords;
  /** Its entry in the file that tells a runner which agents it offers. */
  readonly entry: object;
}

export const FAKE_KEY = "sk-bench-fake-0123456789";

const SCRIPT: AgentScriptInput = { turns: [{ steps: [{ do: "say", text: "Hello from the scripted agent." }] }] };
const LABELS = { codex: "Codex", claude_code: "Claude Code", gemini_cli: "Gemini CLI" } as const;
const WORDS = { codex: codexWords, claude_code: claudeWords, gemini_cli: acpWords } as const;
const MODELS = { codex: "stub-model", claude_code: undefined, gemini_cli: "gemini-2.5-flash" } as const;
type RealProvider = keyof typeof PINNED_AGENTS;

/** The scripted agent and the real ones that the cache holds; `missing` says which it does not. Files go to `directory`. */
export async function measuredAgents(
  directory: TempDir,
  stub: ModelStub,
): Promise<{ readonly agents: readonly MeasuredAgent[]; readonly missing: readonly string[] }> {
  await writeFile(directory.file("key"), `${FAKE_KEY}\n`);
  const installed = await installedAgents(process.env);
  const agents = [await scripted(directory)];
  const missing: string[] = [];
  for (const [name, version] of Object.entries(PINNED_AGENTS)) {
    const provider = name as RealProvider;
    const found = installed[provider];
    if (found) agents.push(await real(provider, found, { directory, stub }));
    else
      missing.push(`${LABELS[provider]} ${version} was not measured: it is not in ${agentsCacheDir({ HOME: "~" })}.`);
  }
  return { agents, missing };
}

async function scripted(directory: TempDir): Promise<MeasuredAgent> {
  const script = JSON.stringify(SCRIPT);
  await writeFile(directory.file("script.json"), script);
  return {
    provider: "scripted",
    label: "the scripted agent",
    argv: scriptedAgentArgv(),
    version: SCRIPTED_AGENT_VERSION,
    prompt: "Say hello.",
    model: undefined,
    endpoint: undefined,
    options: { script },
    firstWords: acpWords,
    entry: { script: "script.json" },
  };
}

async function real(
  provider: RealProvider,
  { argv, version }: InstalledAgent,
  { directory, stub }: { readonly directory: TempDir; readonly stub: ModelStub },
): Promise<MeasuredAgent> {
  const baseUrl = provider === "codex" ? stub.openAiUrl : stub.url;
  const { options, folders } = provider === "codex" ? await codexSettings(argv, directory) : NO_SETTINGS;
  return {
    provider,
    label: `${LABELS[provider]} ${version}`,
    argv,
    version,
    prompt: stubPrompt({ scenario: "text", text: "Hello." }),
    model: MODELS[provider],
    endpoint: { baseUrl, apiKey: FAKE_KEY },
    options,
    firstWords: WORDS[provider],
    entry: { version, endpoint: { baseUrl, apiKeyFile: "key" }, options, folders },
  };
}

const NO_SETTINGS = { options: {}, folders: [] as string[] };

/** Codex must be told of a model that it does not know. */
async function codexSettings(
  argv: MeasuredAgent["argv"],
  directory: TempDir,
): Promise<{ options: Record<string, unknown>; folders: string[] }> {
  const folder = directory.file("codex");
  await mkdir(`${folder}/home`, { recursive: true });
  const modelCatalogFile = `${folder}/catalog.json`;
  const env = { PATH: "/usr/bin:/bin", HOME: `${folder}/home`, TMPDIR: folder };
  await writeFile(modelCatalogFile, await codexCatalog({ argv, env, model: MODELS.codex }));
  return { options: { modelCatalogFile }, folders: [folder] };
}
