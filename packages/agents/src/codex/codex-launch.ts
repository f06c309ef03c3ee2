import { join } from "node:path";

import type { AgentStartSpec } from "../agent-session.ts";
import { agentEnvironment } from "../environment.ts";
import { readOptions } from "../read-options.ts";
import type { LaunchPlan } from "../session/agent-protocol.ts";
import { CODEX_KEY_VARIABLE, codexConfig, codexHome, CodexOptionsSchema, toArguments, toToml } from "./codex-config.ts";

/** How `codex app-server` is started: one process for one session. Pure. */
export function codexLaunch(spec: AgentStartSpec): LaunchPlan {
  const config = codexConfig(spec, readOptions("codex", CodexOptionsSchema, spec.options));
  const isKept = spec.configuration === "keep";
  return {
    command: {
      argv: [...spec.program.argv, "app-server", ...(isKept ? toArguments(config) : [])],
      cwd: spec.workspace,
      env: agentEnvironment(spec, {
        CODEX_HOME: codexHome(spec.home),
        ...(spec.endpoint ? { [CODEX_KEY_VARIABLE]: spec.endpoint.apiKey } : {}),
      }),
    },
    files: isKept ? [] : [{ path: join(codexHome(spec.home), "config.toml"), text: toToml(config) }],
  };
}
