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
import type { AgentProtocol, LaunchPlan, Opening } from "./agent-protocol.ts";
import { DrivenSession } from "./driven-session.ts";

/** The adapter that speaks a protocol. */
export function createAdapter(protocol: AgentProtocol): AgentAdapter {
  return {
    provider: protocol.provider,
    ...(protocol.memoryFiles ? { memoryFiles: protocol.memoryFiles } : {}),
    capabilities: (version) => protocol.capabilities(version),
    start: (spec) => start(protocol, spec),
  };
}

async function start(protocol: AgentProtocol, spec: AgentStartSpec): Promise<AgentSession> {
  const limits = agentLimits(spec.limits);
  checkSpec(spec, limits);
  const { resume } = protocol.capabilities(spec.program.version);
  return climb(rungsOf(spec.resume, resume !== "none"), (rung) => startOn(rung, protocol, spec));
}

async function startOn(rung: Rung, protocol: AgentProtocol, spec: AgentStartSpec): Promise<AgentSession> {
  const limits = agentLimits(spec.limits);
  const foothold = await standOn(rung, limits);
  spec.signal?.throwIfAborted();
  const opening = { load: rung.load, newId: spec.nativeSessionId ?? randomUUID() };
  const plan = protocol.plan(spec, opening);
  await makeReady(protocol, spec, opening, plan);
  const session = new DrivenSession({
    resumed: foothold.resumed,
    resumeFailure: foothold.resumeFailure,
    preface: prefaceOf(foothold, protocol, spec),
    provider: protocol.provider,
    process: await spawn(spec, plan),
    makeDriver: (port) => protocol.connect(port, spec, opening),
    capabilities: protocol.capabilities(spec.program.version),
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
  { takesInstructions }: AgentProtocol,
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
