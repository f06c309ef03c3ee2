export { agentHome, agentHomesDir, openAgentHome } from "./agents/agent-homes.ts";
export { isService, openAgentCatalog, type AgentsSettings } from "./agents/open-agent-catalog.ts";
export { readAgentsFile, type OfferedAgent } from "./agents/read-agents-file.ts";
export { ConfigError } from "./config-error.ts";
export { readRunnerConfig, type RunnerAppConfig } from "./config.ts";
export { EXIT_CODES, runRunner } from "./run-runner.ts";
