import { join } from "node:path";
import * as z from "zod";

import type { AgentStartSpec } from "../agent-session.ts";

/** What a spec's `options` may hold for codex. */
export const CodexOptionsSchema = z.strictObject({
  /** A file with the models that codex is to know, as `codex debug models` prints them. Default: its own. */
  modelCatalogFile: z.string().optional(),
  /** How often a request to the model is tried again. Default: codex decides. */
  modelRetries: z.int().min(0).max(100).optional(),
});
export type CodexOptions = z.infer<typeof CodexOptionsSchema>;

/** The variable that carries the key of the model's endpoint. */
export const CODEX_KEY_VARIABLE = "SIGNALBOX_CODEX_KEY";

/** Where codex keeps its configuration and its conversations. */
export function codexHome(home: string): string {
  return join(home, ".codex");
}

type Scalar = string | number | boolean | readonly string[];
interface Table {
  readonly [name: string]: Scalar | Table | undefined;
}

/**
 * The configuration of a session. codex takes its endpoint from here only; what would look for updates, plugins or apps on
 * the network is off; the plan tool, which is off unless asked for, is on; commands do not see the key; the workspace, which
 * codex would come to trust by working in it, brings no servers, hooks and rules. Pure.
 */
export function codexConfig(spec: AgentStartSpec, { modelCatalogFile, modelRetries }: CodexOptions): Table {
  const { endpoint, model } = spec;
  const provider = endpoint && {
    name: "Signalbox",
    base_url: endpoint.baseUrl,
    env_key: CODEX_KEY_VARIABLE,
    wire_api: "responses",
    requires_openai_auth: false,
    supports_websockets: false,
    request_max_retries: modelRetries,
    stream_max_retries: modelRetries,
  };
  return {
    model,
    model_provider: provider && PROVIDER_NAME,
    model_catalog_json: modelCatalogFile,
    check_for_update_on_startup: false,
    features: { plugins: false, apps: false },
    tools: { update_plan: { enabled: true } },
    analytics: { enabled: false },
    shell_environment_policy: { exclude: [CODEX_KEY_VARIABLE] },
    projects: { [spec.workspace]: { trust_level: "untrusted" } },
    model_providers: provider && { [PROVIDER_NAME]: provider },
  };
}

/** A configuration as a `config.toml`. Pure. */
export function toToml(config: Table): string {
  return assignments(config)
    .map((line) => `${line}\n`)
    .join("");
}

/** A configuration as arguments, for a `config.toml` that is not ours to write. Pure. */
export function toArguments(config: Table): string[] {
  return assignments(config).flatMap((line) => ["-c", line]);
}

const PROVIDER_NAME = "signalbox";

/** One line for each entry; a table stands in its line, so that neither order nor depth matters. */
function assignments(config: Table): string[] {
  return Object.entries(config).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name} = ${literal(value)}`],
  );
}

function literal(value: Scalar | Table): string {
  if (typeof value !== "object" || Array.isArray(value)) return escaped(JSON.stringify(value));
  const entries = Object.entries(value).flatMap(([name, each]) =>
    each === undefined ? [] : [`${escaped(JSON.stringify(name))} = ${literal(each)}`],
  );
  return `{ ${entries.join(", ")} }`;
}

/** JSON's spelling is TOML's too, but for DEL, which TOML wants escaped. */
function escaped(json: string): string {
  return json.replaceAll("\u007f", "\\u007f");
}
