import { randomUUID } from "node:crypto";

import type { AgentAdapter, AgentSession, AgentStartSpec } from "../agent-session.ts";
import { systemClock } from "../clock.ts";
import { checkSpec } from "../environment.ts";
import { AgentError } from "../errors.ts";
import { agentLimits } from "../limits.ts";
import type { AgentProcess } from "../process/agent-process.ts";
import { spawnAgentProcess } from "../process/spawn-agent-process.ts";
import { climb, rungsOf } from "../resume-ladder.ts";
import type { Rung } from "../resume-ladder.ts";
import { writeConfiguration } from "../write-configuration.ts";
import type { AgentProtocol, LaunchPlan } from "./agent-protocol.ts";
import { DrivenSession } from "./driven-session.ts";

/** The adapter that speaks a protocol. */
export function createAdapter(protocol: AgentProtocol): AgentAdapter {
  return {
    provider: protocol.provider,
    capabilities: (version) => protocol.capabilities(version),
    start: (spec) => start(protocol, spec),
  };
}

async function start(protocol: AgentProtocol, spec: AgentStartSpec): Promise<AgentSession> {
  checkSpec(spec);
  const { resume } = protocol.capabilities(spec.program.version);
  return climb(rungsOf(spec.resume, resume !== "none", agentLimits(spec.limits)), (rung) =>
    startOn(rung, protocol, spec),
  );
}

async function startOn(rung: Rung, protocol: AgentProtocol, spec: AgentStartSpec): Promise<AgentSession> {
  spec.signal?.throwIfAborted();
  const opening = { load: rung.load, newId: spec.nativeSessionId ?? randomUUID() };
  const plan = protocol.plan(spec, opening);
  if (spec.configuration !== "keep") await writeConfiguration(spec.home, plan.files);
  await protocol.prepare?.(spec, opening);
  const session = new DrivenSession({
    ...rung,
    provider: protocol.provider,
    process: await spawn(spec, plan),
    makeDriver: (port) => protocol.connect(port, spec, opening),
    capabilities: protocol.capabilities(spec.program.version),
    permissions: spec.permissions ?? "ask",
    raw: spec.raw ?? "unknown",
    clock: spec.clock ?? systemClock,
    limits: agentLimits(spec.limits),
  });
  await session.open(spec.signal);
  return session;
}

async function spawn({ spawn: make = spawnAgentProcess }: AgentStartSpec, plan: LaunchPlan): Promise<AgentProcess> {
  const [program] = plan.command.argv;
  try {
    return await make(plan.command);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new AgentError("SPAWN_FAILED", `${program} cannot be started: ${why}`, { program }, { cause: error });
  }
}
