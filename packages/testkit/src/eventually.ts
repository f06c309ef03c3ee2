import { setTimeout as sleep } from "node:timers/promises";

/**
 * How long a test waits for what has to happen, in milliseconds. Nobody waits that long for anything but a mistake: it is
 * meant for a machine that does ten things at once. What is promised within a shorter time is measured, or says why.
 */
export const PATIENCE_MS = 30_000;

/** How long and how often `eventually` asks. */
export interface EventuallyOptions {
  /** When to give up, in milliseconds. Default `PATIENCE_MS`. */
  readonly timeoutMs?: number;
  /** The pause between two tries, in milliseconds. Default 10. */
  readonly everyMs?: number;
}

/**
 * Waits until `condition` returns something truthy and neither throws nor rejects, and returns that value; so it may
 * be a question (`() => list.length === 3`) or an assertion that ends in `return true`. At the deadline it throws an
 * error with the last failure as its cause.
 */
export async function eventually<T>(
  condition: () => T | Promise<T>,
  { timeoutMs = PATIENCE_MS, everyMs = 10 }: EventuallyOptions = {},
): Promise<Exclude<Awaited<T>, Falsy>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const attempt = await tryOnce(condition);
    if (attempt.value) return attempt.value as Exclude<Awaited<T>, Falsy>;
    if (performance.now() >= deadline) throw gaveUp(timeoutMs, attempt);
    await sleep(everyMs);
  }
}

type Falsy = false | null | undefined | 0 | 0n | "";

interface Attempt {
  readonly value?: unknown;
  readonly error?: unknown;
}

async function tryOnce(condition: () => unknown): Promise<Attempt> {
  try {
    return { value: await condition() };
  } catch (error) {
    return { error };
  }
}

function gaveUp(timeoutMs: number, { value, error }: Attempt): Error {
  const last = error === undefined ? `it was still ${String(value)}` : `it still failed: ${describe(error)}`;
  return new Error(`not so after ${timeoutMs} ms: ${last}`, { cause: error });
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
