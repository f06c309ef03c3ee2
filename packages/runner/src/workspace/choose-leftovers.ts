/** When folders of runs are removed. */
export interface WorkspaceLimits {
  /** A folder that was not used for so long, in milliseconds. Default one day. */
  readonly maxAgeMs: number;
  /** So many folders may stay. Default 100. */
  readonly maxCopies: number;
  /** While the disk has less free, nothing stays that is not in use. Default 10 percent. */
  readonly minFreePercent: number;
}

export const DEFAULT_WORKSPACE_LIMITS: WorkspaceLimits = { maxAgeMs: 86_400_000, maxCopies: 100, minFreePercent: 10 };

interface Leftover {
  readonly isInUse: boolean;
  readonly lastUsedAtMs: number;
}

/** Which folders go: the old ones, the oldest above the number, and all when the disk is nearly full. Never one in use. */
export function chooseLeftovers<Copy extends Leftover>(request: {
  readonly copies: readonly Copy[];
  readonly limits: WorkspaceLimits;
  readonly nowMs: number;
  readonly freePercent: number;
}): Copy[] {
  const { copies, limits, nowMs, freePercent } = request;
  const idle = copies.filter(({ isInUse }) => !isInUse).sort((a, b) => b.lastUsedAtMs - a.lastUsedAtMs);
  if (freePercent < limits.minFreePercent) return idle;
  return idle.filter(({ lastUsedAtMs }, index) => index >= limits.maxCopies || nowMs - lastUsedAtMs >= limits.maxAgeMs);
}
