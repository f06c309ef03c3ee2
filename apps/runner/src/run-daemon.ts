import { ConfigError } from "./config-error.ts";
import { readRunnerConfig } from "./config.ts";
import { EXIT_CODES, runRunner } from "./run-runner.ts";

const stopping = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.on(signal, () => {
    // Whoever asks twice does not want to wait.
    if (stopping.signal.aborted) process.exit(EXIT_CODES.failed);
    stopping.abort();
  });
}

try {
  process.exit(await runRunner(readRunnerConfig(), stopping.signal));
} catch (error) {
  if (error instanceof ConfigError) {
    console.error(`FATAL: ${error.message}`);
    process.exit(EXIT_CODES.config);
  }
  console.error(error);
  process.exit(EXIT_CODES.failed);
}
