import { join } from "node:path";
import * as z from "zod";

import type { AgentStartSpec } from "../agent-session.ts";
import { agentEnvironment } from "../environment.ts";
import { readOptions } from "../read-options.ts";
import type { LaunchPlan } from "../session/agent-protocol.ts";

/** What a spec's `options` may hold for Gemini CLI. */
export const GeminiOptionsSchema = z.strictObject({
  /** How often a request to the model is made at most. Default: Gemini CLI decides. */
  modelAttempts: z.int().min(1).max(100).optional(),
});
export type GeminiOptions = z.infer<typeof GeminiOptionsSchema>;

/** Where Gemini CLI keeps its configuration and its conversations. */
export function geminiHome(home: string): string {
  return join(home, ".gemini");
}

/**
 * How `gemini --acp` is started. It takes its settings from files only, so a home that is kept rules: of itself Gemini CLI
 * trusts no workspace, and its owner may have told it to. Pure.
 */
export function geminiLaunch(spec: AgentStartSpec): LaunchPlan {
  const settings = geminiSettings(spec, readOptions("gemini_cli", GeminiOptionsSchema, spec.options));
  const { endpoint, model, home, configuration } = spec;
  const file = { path: join(geminiHome(home), "settings.json"), text: `${JSON.stringify(settings, undefined, 2)}\n` };
  return {
    command: {
      argv: [...spec.program.argv, "--acp", ...(model === undefined ? [] : ["-m", model])],
      cwd: spec.workspace,
      env: agentEnvironment(spec, {
        NO_BROWSER: "true",
        // Else it starts itself again as a second process, which outlives the first.
        GEMINI_CLI_NO_RELAUNCH: "true",
        COLORTERM: "truecolor",
        ...(endpoint ? { GOOGLE_GEMINI_BASE_URL: endpoint.baseUrl, GEMINI_API_KEY: endpoint.apiKey } : {}),
      }),
    },
    files: configuration === "keep" ? [] : [file],
  };
}

/** The settings of a session: nothing is updated, counted or sent but to the model. Pure. */
function geminiSettings({ endpoint }: AgentStartSpec, { modelAttempts }: GeminiOptions): unknown {
  return {
    general: { enableAutoUpdate: false, enableAutoUpdateNotification: false, maxAttempts: modelAttempts },
    security: {
      auth: endpoint && { selectedType: "gemini-api-key" },
      // Nobody trusts the workspace: its settings, hooks and servers are not read.
      folderTrust: { enabled: true },
      // What the agent runs does not see the key.
      environmentVariableRedaction: { enabled: true, blocked: ["GEMINI_API_KEY"] },
    },
    privacy: { usageStatisticsEnabled: false },
    telemetry: { enabled: false },
  };
}
