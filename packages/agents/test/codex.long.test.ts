import { PINNED_AGENTS } from "../src/install/index.ts";
import { codexAdapter } from "../src/index.ts";
import { describeAgentContract } from "./agent-contract.ts";
import { realAgent, realLab } from "./support/real-agent.ts";

const agent = await realAgent("codex");

describeAgentContract({
  name: "codex",
  makeLab: agent && (() => realLab(agent, codexAdapter)),
  capabilities: codexAdapter.capabilities(PINNED_AGENTS.codex),
  variables: ["CODEX_HOME", "SIGNALBOX_CODEX_KEY"],
});
