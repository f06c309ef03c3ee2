import { setTimeout as pause } from "node:timers/promises";

import { ConnectionError, RequestRefusedError } from "@signalbox/client";

/** What a call came to under faults: how often it was tried, and the refusals that it met on the way. */
export interface Insisted<T> {
  readonly answer: T;
  readonly tries: number;
  readonly refusals: readonly RequestRefusedError[];
}

/**
 * Makes a call until it is answered: again after a lost connection and after a refusal that a retry can help, as the
 * protocol says. Any other refusal is the caller's, and so is one that comes after the time.
 */
export async function insist<T>(call: () => Promise<T>, timeoutMs = 60_000): Promise<Insisted<T>> {
  const deadline = performance.now() + timeoutMs;
  const refusals: RequestRefusedError[] = [];
  for (let tries = 1; ; tries++) {
    try {
      return { answer: await call(), tries, refusals };
    } catch (error) {
      if (!canHelp(error) || performance.now() > deadline) throw error;
      if (error instanceof RequestRefusedError) refusals.push(error);
      await pause(20);
    }
  }
}

function canHelp(error: unknown): boolean {
  if (error instanceof ConnectionError) return true;
  return error instanceof RequestRefusedError && [429, 503].includes(error.status);
}
