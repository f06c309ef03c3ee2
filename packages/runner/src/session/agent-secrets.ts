import { loginSecrets } from "@signalbox/agents/install";
import { agentProvider, type Envelope } from "@signalbox/protocol";

import type { NamedSecret } from "../redaction/redactor.ts";
import { MIN_PATTERN_BYTES } from "../redaction/secret-too-short-error.ts";
import type { AgentCatalog } from "./agent-catalog.ts";

/**
 * What the agent of a step knows of its owner: the key of its endpoint, and the login in its home as it is now. An agent can print
 * them; they are this machine's, so they are taken out of everything that leaves it. A login that the agent renews while it
 * works is not known here.
 */
export async function agentSecrets(
  { tool, session }: Pick<Envelope, "tool" | "session">,
  agents: AgentCatalog,
): Promise<readonly NamedSecret[]> {
  const provider = session?.provider ?? agentProvider(tool);
  const agent = agents.get(provider ?? "");
  if (provider === undefined || !agent) return [];
  const { endpoint, home } = agent;
  const logins = home === undefined ? [] : await loginSecrets(home, provider);
  return [
    ...(endpoint ? [{ name: `${provider} key`, value: endpoint.apiKey }] : []),
    ...logins.map((value) => ({ name: `${provider} login`, value })),
  ].filter(({ value }) => Buffer.byteLength(value.trim()) >= MIN_PATTERN_BYTES);
}
