import * as z from "zod";

import type { AgentAdapter, AgentStartSpec } from "../agent-session.ts";
import type { AgentCapabilities } from "../capabilities.ts";
import { capabilitiesAt } from "../capabilities.ts";
import { agentEnvironment } from "../environment.ts";
import { AgentError } from "../errors.ts";
import { readOptions } from "../read-options.ts";
import { createAdapter } from "../session/create-adapter.ts";
import { ACP_CAPABILITIES } from "./acp-capabilities.ts";
import { AcpDriver } from "./acp-driver.ts";

/** What a spec's `options` may hold for an ACP agent. */
export const AcpOptionsSchema = z.strictObject({
  /** A session mode to set, by the agent's own name for it. Default: the agent's. */
  mode: z.string().min(1).optional(),
});
export type AcpOptions = z.infer<typeof AcpOptionsSchema>;

/** An agent that speaks ACP and is known to whoever configures it. */
export interface AcpAgent {
  /** As in a session's `providerId`: `acp:goose`. */
  readonly provider: string;
  /** What comes after the program to make it speak ACP: `["acp"]`. */
  readonly arguments?: readonly string[];
  /** The variables that carry the endpoint and key of its model. Default: a spec with an endpoint is refused. */
  readonly endpointVariables?: { readonly baseUrl: string; readonly apiKey: string };
  /** Where it is known to differ from `ACP_CAPABILITIES`. With `failures: "text"` its words are looked at. */
  readonly capabilities?: Partial<AgentCapabilities>;
}

/** An adapter for any agent that speaks ACP. Options of a start: `AcpOptions`. */
export function createAcpAdapter(agent: AcpAgent): AgentAdapter {
  const { provider, capabilities } = agent;
  return createAdapter({
    provider,
    takesInstructions: false,
    capabilities: (version) => ({ ...capabilitiesAt(ACP_CAPABILITIES, version), ...capabilities }),
    plan: (spec) => ({
      command: {
        argv: [...spec.program.argv, ...(agent.arguments ?? [])],
        cwd: spec.workspace,
        env: agentEnvironment(spec, endpointOf(spec, agent)),
      },
      files: [],
    }),
    connect: (port, spec, opening) =>
      new AcpDriver(port, spec, opening, {
        failures: capabilities?.failures ?? "typed",
        mode: readOptions(provider, AcpOptionsSchema, spec.options).mode,
      }),
  });
}

function endpointOf({ endpoint }: AgentStartSpec, { provider, endpointVariables }: AcpAgent): Record<string, string> {
  if (!endpoint) return {};
  if (!endpointVariables) throw new AgentError("INVALID_SPEC", `${provider} is not known to take an endpoint`);
  return { [endpointVariables.baseUrl]: endpoint.baseUrl, [endpointVariables.apiKey]: endpoint.apiKey };
}
