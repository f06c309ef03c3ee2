import { randomUUID } from "node:crypto";

import type { AgentAdapter, AgentSession, AgentStartSpec } from "../agent-session.ts";
import { systemClock } from "../clock.ts";
import { checkSpec } from "../environment.ts";
import { AgentError, isAgentError } from "../errors.ts";
import { agentLimits } from "../limits.ts";
import type { AgentProcess } from "../process/agent-process.ts";
import { spawnAgentProcess } from "../process/spawn-agent-process.ts";
import { climb, rungsOf, standOn } from "../resume-ladder.ts";
import type { Foothold, Rung } from "../resume-ladder.ts";
import { toError } from "../to-error.ts";
import { writeConfiguration } from "../write-configuration.ts";
import type { AgentDriver, DriverPort } from "./agent-driver.ts";
import type { AgentProtocol, LaunchPlan, Opening } from "./agent-protocol.ts";
import { DrivenSession } from "./driven-session.ts";

/** The adapter that starts a program and speaks its protocol. */
export function createAdapter(protocol: AgentProtocol): AgentAdapter {
  return adapterBy({
    ...protocol,
    begin: async (spec, opening) => {
      const plan = protocol.plan(spec, opening);
      await makeReady(protocol, spec, opening, plan);
      return { process: await spawn(spec, plan), makeDriver: (port) => protocol.connect(port, spec, opening) };
    },
  });
}

/** How an adapter comes to a conversation, whatever the agent is. */
export interface AgentWay extends Pick<
  AgentProtocol,
  "provider" | "memoryFiles" | "takesInstructions" | "capabilities"
> {
  /** Starts the agent, or what stands for it here. Throws `INVALID_SPEC`, `SPAWN_FAILED`, `HANDSHAKE_FAILED`. */
  begin(spec: AgentStartSpec, opening: Opening): Promise<BegunAgent>;
}

/** An agent that is started and was not spoken to. */
export interface BegunAgent {
  readonly process: AgentProcess;
  readonly makeDriver: (port: DriverPort) => AgentDriver;
}

/** The adapter that comes to its conversations this way. */
export function adapterBy(way: AgentWay): AgentAdapter {
  return {
    provider: way.provider,
    ...(way.memoryFiles ? { memoryFiles: way.memoryFiles } : {}),
    capabilities: (version) => way.capabilities(version),
    start: (spec) => start(way, spec),
  };
}

async function start(way: AgentWay, spec: AgentStartSpec): Promise<AgentSession> {
  const limits = agentLimits(spec.limits);
  checkSpec(spec, limits);
  const { resume } = way.capabilities(spec.program.version);
  return climb(rungsOf(spec.resume, resume !== "none"), (rung) => startOn(rung, way, spec));
}

async function startOn(rung: Rung, way: AgentWay, spec: AgentStartSpec): Promise<AgentSession> {
  const limits = agentLimits(spec.limits);
  const foothold = await standOn(rung, limits);
  spec.signal?.throwIfAborted();
  const opening = { load: rung.load, newId: spec.nativeSessionId ?? randomUUID() };
  const session = new DrivenSession({
    resumed: foothold.resumed,
    resumeFailure: foothold.resumeFailure,
    preface: prefaceOf(foothold, way, spec),
    provider: way.provider,
    ...(await way.begin(spec, opening)),
    capabilities: way.capabilities(spec.program.version),
    permissions: spec.permissions ?? "ask",
    raw: spec.raw ?? "unknown",
    clock: spec.clock ?? systemClock,
    limits,
  });
  await session.open(spec.signal);
  return session;
}

/** A conversation that was loaded had its instructions when it began. */
function prefaceOf(
  { resumed, preface = "" }: Foothold,
  { takesInstructions }: AgentWay,
  { instructions }: AgentStartSpec,
): string {
  const told = takesInstructions || resumed === "loaded" || !instructions ? "" : `${instructions}\n\n`;
  return told + preface;
}

async function makeReady(
  protocol: AgentProtocol,
  spec: AgentStartSpec,
  opening: Opening,
  plan: LaunchPlan,
): Promise<void> {
  try {
    await writeConfiguration([spec.home, spec.tmpDir], plan.files);
    await protocol.prepare?.(spec, opening);
  } catch (error) {
    if (isAgentError(error)) throw error;
    const why = toError(error).message;
    // What an earlier conversation needs and cannot have is no reason against a new one.
    const code = opening.load === undefined ? "SPAWN_FAILED" : "HANDSHAKE_FAILED";
    throw new AgentError(
      code,
      `the folders of ${protocol.provider} cannot be made ready: ${why}`,
      {},
      { cause: error },
    );
  }
}

async function spawn({ spawn: make = spawnAgentProcess }: AgentStartSpec, plan: LaunchPlan): Promise<AgentProcess> {
  const [program] = plan.command.argv;
  try {
    return await make(plan.command);
  } catch (error) {
    const why = toError(error).message;
    throw new AgentError("SPAWN_FAILED", `${program} cannot be started: ${why}`, { program }, { cause: error });
  }
}
