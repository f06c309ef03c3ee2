import { limit } from "@signalbox/protocol";

import { ConfigError, readServerConfig } from "./config.ts";
import { startServer, type RunningServer } from "./server.ts";

const EXIT_CONFIG = 2;
const EXIT_STORE = 70;

try {
  const server = await startServer(readServerConfig(), { onFatal: () => process.exit(EXIT_STORE) });
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void stop(server));
} catch (error) {
  process.exit(explain(error));
}

/** Ends in good order, or at the limit all the same. */
async function stop(server: RunningServer): Promise<void> {
  setTimeout(() => process.exit(1), limit("shutdown.ms") - 1_000).unref();
  await server[Symbol.asyncDispose]();
  process.exit(0);
}

/** Says in one line why the server does not start. */
function explain(error: unknown): number {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE") {
    console.error("FATAL: the port is taken by another program; set SIGNALBOX_PORT");
    return EXIT_CONFIG;
  }
  console.error(`FATAL: ${message}`);
  if (!(error instanceof ConfigError)) console.error(error);
  return error instanceof ConfigError ? EXIT_CONFIG : 1;
}
