import type { AgentAdapter, AgentStartSpec } from "../agent-session.ts";
import { capabilitiesAt } from "../capabilities.ts";
import { systemClock } from "../clock.ts";
import { AgentError } from "../errors.ts";
import { agentLimits } from "../limits.ts";
import { readOptions } from "../read-options.ts";
import type { Opening } from "../session/agent-protocol.ts";
import { adapterBy } from "../session/create-adapter.ts";
import type { BegunAgent } from "../session/create-adapter.ts";
import { OMNARA_CAPABILITIES } from "./omnara-capabilities.ts";
import { OmnaraClient } from "./omnara-client.ts";
import { OmnaraDriver } from "./omnara-driver.ts";
import { OmnaraHttp } from "./omnara-http.ts";
import { OmnaraLink } from "./omnara-link.ts";
import { OmnaraOptionsSchema } from "./omnara-options.ts";

/**
 * Agents of an Omnara server, over its published HTTP API (omnara-ai/omnara, docs/api-reference/openapi.yaml, read as of
 * 2026-08-21; guides docs/agents/overview.mdx, docs/events/*.mdx, docs/api/*.mdx there). Nothing is started here: `endpoint`
 * is the API's address (`https://…/api/v1`) and a key of Omnara's, `options` are `OmnaraOptions`. What the agent may do, and
 * what it asks before, stands in its configuration at Omnara; it works on machines of Omnara's, so a workspace here has nothing
 * of it. Tried against a fake that was made from that document, and not against a live Omnara.
 */
export const omnaraAdapter: AgentAdapter = adapterBy({
  provider: "omnara",
  takesInstructions: false,
  capabilities: (version) => capabilitiesAt(OMNARA_CAPABILITIES, version),
  begin: (spec, opening) => Promise.resolve(begin(spec, opening)),
});

function begin(spec: AgentStartSpec, opening: Opening): BegunAgent {
  const options = readOptions("omnara", OmnaraOptionsSchema, spec.options);
  const { endpoint, model, clock = systemClock } = spec;
  if (!endpoint) throw new AgentError("INVALID_SPEC", "omnara is a service: it needs an endpoint");
  if (model !== undefined) {
    throw new AgentError(
      "INVALID_SPEC",
      "the model of omnara stands in its agent configuration, and cannot be chosen here",
    );
  }
  const limits = agentLimits(spec.limits);
  const calls = new AbortController();
  const client = new OmnaraClient(new OmnaraHttp({ endpoint, clock, limits, signal: calls.signal }), options);
  let driver: OmnaraDriver | undefined;
  const link = new OmnaraLink({
    clock,
    limits,
    stopWork: async () => driver?.stopWork(),
    isWorking: () => driver?.isWorking ?? false,
    abortCalls: () => calls.abort(new Error("the session is over")),
  });
  return {
    process: link,
    makeDriver: (port) => {
      driver = new OmnaraDriver(port, { client, link, spec, opening });
      return driver;
    },
  };
}
