import type { Clock } from "../../src/clock.ts";

/** A clock for retries: pauses shorter than a second are over at once, longer timers (deadlines) never fire. */
export function hastyClock(): Clock & { readonly pauses: number[] } {
  const pauses: number[] = [];
  return {
    pauses,
    now: () => 0,
    setTimer(delayMs, fire) {
      if (delayMs >= 15_000) return { cancel: () => undefined };
      pauses.push(delayMs);
      const soon = setImmediate(fire);
      return { cancel: () => clearImmediate(soon) };
    },
  };
}
