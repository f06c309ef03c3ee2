import { toError } from "../to-error.ts";

/** The first of some promises; that the others fail later is nobody's concern. */
export function firstOf<Value>(...promises: readonly Promise<Value>[]): Promise<Value> {
  for (const promise of promises) promise.catch(() => undefined);
  return Promise.race(promises);
}

/** Rejects with the signal's reason, when there is one. */
export function aborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(toError(signal.reason)), { once: true });
    if (signal?.aborted) reject(toError(signal.reason));
  });
}
