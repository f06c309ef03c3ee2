import { PINNED_AGENTS } from "../src/install/index.ts";
import { geminiCliAdapter } from "../src/index.ts";
import { describeAgentContract } from "./agent-contract.ts";
import { realAgent, realLab } from "./support/real-agent.ts";

const agent = await realAgent("gemini_cli");

describeAgentContract({
  name: "gemini_cli",
  makeLab: agent && (() => realLab(agent, geminiCliAdapter)),
  capabilities: geminiCliAdapter.capabilities(PINNED_AGENTS.gemini_cli),
  variables: ["COLORTERM", "GEMINI_API_KEY", "GEMINI_CLI_NO_RELAUNCH", "GOOGLE_GEMINI_BASE_URL", "NO_BROWSER"],
});
