import { join } from "node:path";
import * as z from "zod";

import type { AgentStartSpec } from "../agent-session.ts";
import type { ConfigurationFile } from "../write-configuration.ts";

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

/**
 * The `config.toml` of a session. codex takes its endpoint from here only; what would look for updates, plugins or apps on
 * the network is off; the plan tool, which is off unless asked for, is on; commands do not see the key. Pure.
 */
export function codexConfig(spec: AgentStartSpec, { modelCatalogFile, modelRetries }: CodexOptions): ConfigurationFile {
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
  const text = [
    table(undefined, {
      model,
      model_provider: provider && PROVIDER_NAME,
      model_catalog_json: modelCatalogFile,
      check_for_update_on_startup: false,
    }),
    table("features", { plugins: false, apps: false }),
    table("tools.update_plan", { enabled: true }),
    table("analytics", { enabled: false }),
    table("shell_environment_policy", { exclude: [CODEX_KEY_VARIABLE] }),
    provider && table(`model_providers.${PROVIDER_NAME}`, provider),
  ];
  return { path: join(codexHome(spec.home), "config.toml"), text: text.filter((part) => part !== undefined).join("\n") };
}

const PROVIDER_NAME = "signalbox";

type Value = string | number | boolean | readonly string[] | undefined;

/** A table of TOML; entries that are undefined are left out. */
function table(name: string | undefined, entries: Readonly<Record<string, Value>>): string {
  const lines = Object.entries(entries).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key} = ${toToml(value)}`],
  );
  return [...(name === undefined ? [] : [`[${name}]`]), ...lines, ""].join("\n");
}

/** JSON's spelling of these is TOML's too, but for DEL, which TOML wants escaped. */
function toToml(value: Exclude<Value, undefined>): string {
  return JSON.stringify(value).replaceAll("\u007f", "\\u007f");
}
