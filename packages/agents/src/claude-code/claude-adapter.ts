import type { AgentAdapter } from "../agent-session.ts";
import { capabilitiesAt } from "../capabilities.ts";
import { createAdapter } from "../session/create-adapter.ts";
import { CLAUDE_CAPABILITIES } from "./claude-capabilities.ts";
import { ClaudeDriver } from "./claude-driver.ts";
import { claudeLaunch } from "./claude-launch.ts";

/** Anthropic's Claude Code, over its stream-json control protocol. Options: `ClaudeOptions`. */
export const claudeCodeAdapter: AgentAdapter = createAdapter({
  provider: "claude_code",
  memoryFiles: ["CLAUDE.md", "AGENTS.md"],
  takesInstructions: true,
  capabilities: (version) => capabilitiesAt(CLAUDE_CAPABILITIES, version),
  plan: (spec, opening) => claudeLaunch(spec, opening),
  connect: (port, _spec, opening) => new ClaudeDriver(port, opening),
});
