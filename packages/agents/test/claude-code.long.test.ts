import { PINNED_AGENTS } from "../src/install/index.ts";
import { claudeCodeAdapter } from "../src/index.ts";
import { describeAgentContract } from "./agent-contract.ts";
import { realAgent, realLab } from "./support/real-agent.ts";

const agent = await realAgent("claude_code");

describeAgentContract({
  name: "claude_code",
  makeLab: agent && (() => realLab(agent, claudeCodeAdapter)),
  capabilities: claudeCodeAdapter.capabilities(PINNED_AGENTS.claude_code),
  variables: [
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_BASE_URL",
    "BASH_ENV",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
    "CLAUDE_CODE_ENABLE_PROMPT_SUGGESTION",
    "CLAUDE_CODE_ENABLE_TASKS",
    "CLAUDE_CODE_ENABLE_TODO_TOOLS",
    "CLAUDE_CODE_MAX_RETRIES",
    "DISABLE_AUTOUPDATER",
    "DISABLE_ERROR_REPORTING",
    "DISABLE_TELEMETRY",
  ],
});
