import { limit } from "@signalbox/protocol";
import {
  createRunner,
  DataDirInUseError,
  EnrolmentError,
  SandboxUnavailableError,
  ServerUrlError,
  type AgentCatalog,
} from "@signalbox/runner";
import { destination, pino } from "pino";

import { openAgentCatalog } from "./agents/open-agent-catalog.ts";
import { ConfigError } from "./config-error.ts";
import type { RunnerAppConfig } from "./config.ts";
import { serveHealth } from "./health.ts";

/** How the process ends. */
export const EXIT_CODES = {
  /** It was asked to stop, and has. */
  stopped: 0,
  /** Something unexpected; a supervisor may start it again. */
  failed: 1,
  /** The configuration cannot be used; starting again does not help. */
  config: 2,
  /** The control plane does not want this runner: retired, refused, or another process has its place. */
  refused: 3,
} as const;

/** Runs a runner until `stop` is aborted or the control plane refuses it; answers the exit code. */
export async function runRunner(config: RunnerAppConfig, stop: AbortSignal): Promise<number> {
  const logger = pino(
    { level: config.logLevel, base: null, serializers: { error: pino.stdSerializers.err } },
    destination({ fd: 2, sync: true }),
  );
  const agents = await openAgentCatalog(config.agents);
  logger.info(
    { agents: Object.fromEntries([...agents].map(([name, { program }]) => [name, program.version])) },
    "agents",
  );
  requireCodegenAgent(config.runner.codegenProvider, agents);
  await using runner = createRunner({ ...config.runner, agents, logger });
  await using _health = config.healthPort === undefined ? undefined : await serveHealth(runner, config.healthPort);
  const stopped = new Promise<"stopped">((resolve) => {
    if (stop.aborted) resolve("stopped");
    stop.addEventListener("abort", () => resolve("stopped"), { once: true });
  });
  try {
    const first = await Promise.race([stopped, runner.start()]);
    if (first === "stopped") return EXIT_CODES.stopped;
  } catch (error) {
    return explain(error);
  }
  const end = await Promise.race([stopped, runner.ended]);
  if (end !== "stopped") {
    console.error(`FATAL: the control plane does not take this runner (${end.cause}): ${end.message}`);
    return EXIT_CODES.refused;
  }
  logger.info({}, "stopping: waiting for the work to end");
  await runner.drain({ timeoutMs: limit("shutdown.ms") - RESERVE_MS, comesBack: true });
  return EXIT_CODES.stopped;
}

/** Steps that it would take and could not carry out would fail one after the other. */
function requireCodegenAgent(provider: string | undefined, agents: AgentCatalog): void {
  const agent = agents.get(provider ?? "");
  const isFit = agent?.adapter.capabilities(agent.program.version).workspace === "given";
  if (provider === undefined || isFit) return;
  const why = agent ? "works on a machine of its own" : "is not among the agents";
  throw new ConfigError(`${provider} is to work on codegen steps (SIGNALBOX_CODEGEN_PROVIDER), but ${why}`);
}

/** For closing what is open, so that the whole end stays within the limit. */
const RESERVE_MS = 4_000;

/** One line for what a person can change. */
function explain(error: unknown): number {
  if (error instanceof EnrolmentError && error.code !== "no_token" && error.code !== "other_server") {
    console.error(`FATAL: ${error.message}`);
    return EXIT_CODES.refused;
  }
  const isConfig = [EnrolmentError, ServerUrlError, SandboxUnavailableError, DataDirInUseError].some(
    (kind) => error instanceof kind,
  );
  if (!isConfig) throw error;
  console.error(`FATAL: ${error instanceof Error ? error.message : String(error)}`);
  return EXIT_CODES.config;
}
