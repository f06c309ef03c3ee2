import { resolve } from "node:path";

import type { RunningServer, ServerConfig } from "@signalbox/server-app";
import { InvalidArgumentError, Option, type Command } from "commander";

import type { Context } from "../context.ts";
import { CommandError, usageError } from "../errors.ts";

/** What `up` and `server` take; each wins over its entry of the environment. */
export interface ServerOptions {
  readonly host?: string;
  readonly port?: number;
  readonly dataDir?: string;
  readonly plugins?: string;
  readonly logLevel?: ServerConfig["logLevel"];
  readonly auth: boolean;
}

const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"];
/** As the server's own program ends when its store has failed. */
const EXIT_STORE = 70;

/** Gives a command the options of a server. */
export function defineServerOptions(command: Command): Command {
  return command
    .option("--host <name>", "where to listen (SIGNALBOX_HOST; default localhost)")
    .option("--port <number>", "the port; 0 takes any free one (SIGNALBOX_PORT; default 3000)", readPort)
    .option("--data-dir <folder>", "where everything is kept (SIGNALBOX_DATA_DIR; default ~/.signalbox)")
    .option("--plugins <folder>", "plugins to run, once each is approved (SIGNALBOX_PLUGINS_DIR)")
    .addOption(
      new Option("--log-level <level>", "how much is logged to stderr (SIGNALBOX_LOG_LEVEL)").choices(LOG_LEVELS),
    )
    .option("--no-auth", "let everybody on this machine in; on loopback only", true);
}

/** Starts the server in this process. What stands in its way is told as something to act on. */
export async function startLocalServer(
  { environment, cwd }: Context,
  options: ServerOptions,
  defaults: Partial<ServerConfig> = {},
): Promise<RunningServer> {
  const { ConfigError, readServerConfig, startServer } = await import("@signalbox/server-app");
  const isLevelNamed = options.logLevel !== undefined || environment.variables["SIGNALBOX_LOG_LEVEL"];
  const overrides: Partial<ServerConfig> = {
    ...(isLevelNamed ? {} : defaults),
    ...(options.host === undefined ? {} : { host: options.host }),
    ...(options.port === undefined ? {} : { port: options.port }),
    ...(options.dataDir === undefined ? {} : { dataDir: resolve(cwd, options.dataDir) }),
    ...(options.plugins === undefined ? {} : { pluginsDir: resolve(cwd, options.plugins) }),
    ...(options.logLevel === undefined ? {} : { logLevel: options.logLevel }),
    ...(options.auth ? {} : { noAuth: true }),
  };
  try {
    const config = readServerConfig(environment.variables, overrides);
    return await startServer(config, { onFatal: () => process.exit(EXIT_STORE) });
  } catch (error) {
    if (error instanceof ConfigError) throw usageError(error.message);
    throw explain(error, options);
  }
}

/** Errors of the store and the system that a person can act on; anything else is a bug and passes through. */
function explain(error: unknown, { port }: ServerOptions): unknown {
  if (!(error instanceof Error)) return error;
  const code = "code" in error ? error.code : undefined;
  if (code === "EADDRINUSE") {
    const hint = "is a server running already? `signalbox doctor` tells; --port takes another";
    return new CommandError(`port ${port ?? 3_000} is taken by another program`, {
      code: "PORT_TAKEN",
      hint,
      cause: error,
    });
  }
  if (code === "EACCES" || code === "EROFS" || code === "ENOSPC") {
    return new CommandError(`the data folder cannot be used: ${error.message}`, {
      code: "DATA_DIR",
      hint: "--data-dir takes another",
      cause: error,
    });
  }
  const isOfStore =
    error.name.startsWith("Store") || error.name === "StorageFullError" || error.name === "DatabaseTooNewError";
  if (!isOfStore) return error;
  return new CommandError(error.message, { code: "STORE", hint: "--data-dir takes another folder", cause: error });
}

function readPort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError("A port is a number up to 65535.");
  return port;
}
