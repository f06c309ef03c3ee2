import type { Requirements } from "@signalbox/protocol";

/** What placement looks at of a runner. */
export interface PlaceableRunner {
  readonly runnerId: string;
  readonly orgId: string;
  readonly providers: ReadonlySet<string>;
  readonly features: ReadonlySet<string>;
  readonly labels: Readonly<Record<string, string>>;
}

/** Requirements of one org in one spelling: steps with the same fingerprint fit the same runners. */
export function fingerprintOf(orgId: string, requires: Requirements | undefined): string {
  if (!requires) return orgId;
  const { provider = "", features = [], labels = {}, runnerId = "" } = requires;
  const sorted = Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([orgId, provider, features.toSorted(), sorted, runnerId]);
}

/** Whether a runner has what is required; what is missing first, in words, else undefined. */
export function missingFrom(
  runner: PlaceableRunner,
  orgId: string,
  requires: Requirements | undefined,
): string | undefined {
  if (runner.orgId !== orgId) return "another org";
  if (!requires) return undefined;
  if (requires.runnerId !== undefined && requires.runnerId !== runner.runnerId) return `runner ${requires.runnerId}`;
  if (requires.provider !== undefined && !runner.providers.has(requires.provider))
    return `provider ${requires.provider}`;
  const feature = requires.features?.find((wanted) => !runner.features.has(wanted));
  if (feature !== undefined) return `feature ${feature}`;
  const label = Object.entries(requires.labels ?? {}).find(([name, value]) => runner.labels[name] !== value);
  return label ? `label ${label[0]}=${label[1]}` : undefined;
}

/** A runner that fits, with how much of it is free. */
export interface Candidate {
  readonly runnerId: string;
  readonly freeSlots: number;
}

/**
 * Which of the runners that fit gets a step: the one that has the run's workspace when it is there (and waiting for it
 * when it is full), else the one with the most room. Undefined: wait.
 */
export function choose(candidates: Iterable<Candidate>, keeper: string | undefined): string | undefined {
  let best: Candidate | undefined;
  for (const candidate of candidates) {
    if (candidate.runnerId === keeper) return candidate.freeSlots > 0 ? keeper : undefined;
    if (candidate.freeSlots > (best?.freeSlots ?? 0)) best = candidate;
  }
  return best?.runnerId;
}
