import type { AgentAdapter } from "./agent-session.ts";
import { claudeCodeAdapter } from "./claude-code/claude-adapter.ts";
import { codexAdapter } from "./codex/codex-adapter.ts";
import { AgentError } from "./errors.ts";
import { geminiCliAdapter } from "./gemini-cli/gemini-adapter.ts";
import { omnaraAdapter } from "./omnara/omnara-adapter.ts";
import { scriptedAdapter } from "./scripted-agent/scripted-adapter.ts";

/** The adapters of the agents that are known by name, by provider. One for `acp:<name>` is made by `createAcpAdapter`. */
export const ADAPTERS: ReadonlyMap<string, AgentAdapter> = new Map(
  [codexAdapter, claudeCodeAdapter, geminiCliAdapter, omnaraAdapter, scriptedAdapter].map((adapter) => [
    adapter.provider,
    adapter,
  ]),
);

/** The adapter of a provider. Throws `UNKNOWN_PROVIDER`. */
export function adapterOf(provider: string): AgentAdapter {
  const adapter = ADAPTERS.get(provider);
  if (!adapter) throw new AgentError("UNKNOWN_PROVIDER", `there is no adapter for ${JSON.stringify(provider)}`);
  return adapter;
}
