import type { AgentAdapter } from "../agent-session.ts";
import { capabilitiesAt } from "../capabilities.ts";
import { createAdapter } from "../session/create-adapter.ts";
import { CODEX_CAPABILITIES } from "./codex-capabilities.ts";
import { CodexDriver } from "./codex-driver.ts";
import { codexLaunch } from "./codex-launch.ts";

/** OpenAI's Codex, over `codex app-server`. Options: `CodexOptions`. */
export const codexAdapter: AgentAdapter = createAdapter({
  provider: "codex",
  takesInstructions: true,
  capabilities: (version) => capabilitiesAt(CODEX_CAPABILITIES, version),
  plan: (spec) => codexLaunch(spec),
  connect: (port, spec, opening) => new CodexDriver(port, spec, opening),
});
