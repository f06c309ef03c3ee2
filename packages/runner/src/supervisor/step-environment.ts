import type { StartGrant } from "@signalbox/protocol";

import { matchesAny } from "../policy/matches-pattern.ts";

/** What the environment of a step is made from; nothing else reaches it. */
export interface StepEnvironmentSources {
  readonly grant: StartGrant;
  /** This machine's own environment. */
  readonly host: Readonly<Record<string, string | undefined>>;
  /** Names that the owner's policy lets through. */
  readonly policyEnv: readonly string[];
  readonly path: string;
  readonly home: string;
}

/** Entries that say who and where a step is: neither project nor secret may change them. */
const RESERVED = /^(HOME|PATH|TERM|SIGNALBOX_.*)$/;

/** What every step has. */
const BASICS = /^(HOME|PATH|TERM|LANG|PWD|TMPDIR|SIGNALBOX_ATTEMPT)$/;

/** Of a step's environment what a program with basics of its own gets too. */
export function additionsOf(environment: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !BASICS.test(name)));
}

/**
 * The environment of a step, built from empty. Later sources win over earlier ones: the basics, the machine's entries
 * that both the step and the owner name, the project's entries, the secrets; the reserved names always hold.
 */
export function stepEnvironment({
  grant,
  host,
  policyEnv,
  path,
  home,
}: StepEnvironmentSources): Record<string, string> {
  const { envelope, environment, secrets } = grant;
  const allowed = envelope.envAllowed.filter((name) => matchesAny(policyEnv, name) && host[name] !== undefined);
  const given = [
    ["LANG", "C.UTF-8"],
    ...allowed.map((name) => [name, host[name] ?? ""]),
    ...Object.entries(environment),
    ...secrets.map(({ name, value }) => [name, value]),
  ].filter(([name = ""]) => !RESERVED.test(name));
  return {
    ...(Object.fromEntries(given) as Record<string, string>),
    PATH: path,
    HOME: home,
    TERM: "xterm-256color",
    SIGNALBOX_RUN_ID: envelope.runId,
    SIGNALBOX_STEP: envelope.step,
    SIGNALBOX_ATTEMPT: grant.attemptId,
    SIGNALBOX_IDEMPOTENCY_KEY: envelope.idempotencyKey,
  };
}
