import type { AgentStartSpec } from "../agent-session.ts";
import { agentEnvironment } from "../environment.ts";
import { readOptions } from "../read-options.ts";
import type { LaunchPlan } from "../session/agent-protocol.ts";
import { CODEX_KEY_VARIABLE, codexConfig, codexHome, CodexOptionsSchema } from "./codex-config.ts";

/** How `codex app-server` is started: one process for one session. Pure. */
export function codexLaunch(spec: AgentStartSpec): LaunchPlan {
  const options = readOptions("codex", CodexOptionsSchema, spec.options);
  return {
    command: {
      argv: [...spec.program.argv, "app-server"],
      cwd: spec.workspace,
      env: agentEnvironment(spec, {
        CODEX_HOME: codexHome(spec.home),
        ...(spec.endpoint ? { [CODEX_KEY_VARIABLE]: spec.endpoint.apiKey } : {}),
      }),
    },
    files: [codexConfig(spec, options)],
  };
}
