import { isAbsolute, relative } from "node:path";

import type { AgentStartSpec } from "./agent-session.ts";
import { AgentError } from "./errors.ts";
import type { AgentLimits } from "./limits.ts";
import { SESSION_VARIABLE } from "./process/spawn-agent-process.ts";

/**
 * The whole environment of an agent: what every program needs, what this one does (`own`), and what the spec adds. Nothing
 * of the surrounding process gets in. Throws `INVALID_SPEC` when the spec sets what is not its to set. Pure.
 */
export function agentEnvironment(
  spec: AgentStartSpec,
  own: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const given = {
    PATH: spec.path,
    HOME: spec.home,
    TMPDIR: spec.tmpDir,
    [SESSION_VARIABLE]: spec.sessionId,
    ...own,
  };
  const more = spec.environment ?? {};
  const taken = Object.keys(more).find((name) => Object.hasOwn(given, name));
  if (taken !== undefined) throw new AgentError("INVALID_SPEC", `the variable ${taken} is the adapter's to set`);
  for (const [name, value] of Object.entries({ ...more, ...given })) checkVariable(name, value);
  return { ...more, ...given };
}

/** Throws `INVALID_SPEC` when a spec cannot be what it is for. Pure. */
export function checkSpec(spec: AgentStartSpec, limits: AgentLimits): void {
  for (const name of ["workspace", "home", "tmpDir"] as const) {
    if (!isAbsolute(spec[name])) throw new AgentError("INVALID_SPEC", `${name} must be an absolute path`);
  }
  if (isBelow(spec.tmpDir, spec.home)) {
    // codex makes no helper programs there, and without them its sandbox runs nothing.
    throw new AgentError("INVALID_SPEC", `home ${spec.home} must not be below tmpDir ${spec.tmpDir}`);
  }
  const most = limits["instructions.length"];
  if ((spec.instructions?.length ?? 0) > most) {
    throw new AgentError("INVALID_SPEC", `instructions have at most ${most} characters`);
  }
  if (spec.sessionId === "") throw new AgentError("INVALID_SPEC", "a session needs an id");
}

function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === "" || (!way.startsWith("..") && !isAbsolute(way));
}

function checkVariable(name: string, value: string): void {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    throw new AgentError("INVALID_SPEC", `${JSON.stringify(name)} is no name of a variable`);
  }
  if (value.includes("\0")) throw new AgentError("INVALID_SPEC", `the variable ${name} holds a NUL`);
}
