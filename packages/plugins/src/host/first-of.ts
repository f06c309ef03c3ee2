import type { Clock } from "@signalbox/messagebus";

/** What ends a wait beside what is waited for. */
export interface WaitOptions {
  readonly clock: Clock;
  /** Left out: as long as it takes. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What came first: one of the promises with its value, the end of the time, or the signal. */
export type First<Promises extends Readonly<Record<string, Promise<unknown>>>> =
  | { [Kind in keyof Promises]: { readonly kind: Kind; readonly value: Awaited<Promises[Kind]> } }[keyof Promises]
  | { readonly kind: "timeout" }
  | { readonly kind: "aborted" };

/** Waits for the first of some promises, none of which rejects. Leaves no timer and no listener behind. */
export function firstOf<Promises extends Readonly<Record<string, Promise<unknown>>>>(
  promises: Promises,
  { clock, timeoutMs, signal }: WaitOptions,
): Promise<First<Promises>> {
  return new Promise((resolve) => {
    const end = (first: First<Promises>): void => {
      timer?.cancel();
      signal?.removeEventListener("abort", onAbort);
      resolve(first);
    };
    const onAbort = (): void => end({ kind: "aborted" });
    const timer = timeoutMs === undefined ? undefined : clock.setTimer(timeoutMs, () => end({ kind: "timeout" }));
    if (signal?.aborted) return onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    for (const [kind, promise] of Object.entries(promises)) {
      // The kinds are those of the promises.
      void promise.then((value) => end({ kind, value } as First<Promises>));
    }
  });
}

/** Waits for so long, or until the signal is aborted. */
export async function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  await firstOf({}, { clock, timeoutMs: delayMs, signal });
}
