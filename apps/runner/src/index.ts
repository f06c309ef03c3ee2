export { ConfigError, readRunnerConfig, type RunnerAppConfig } from "./config.ts";
export { EXIT_CODES, runRunner } from "./run-runner.ts";
