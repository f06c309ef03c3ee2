export { homeOf, openAgentCatalog, type AgentsSettings } from "./agents/open-agent-catalog.ts";
export { ConfigError } from "./config-error.ts";
export { readRunnerConfig, type RunnerAppConfig } from "./config.ts";
export { EXIT_CODES, runRunner } from "./run-runner.ts";
