import type { Clock } from "./clock.ts";

/** What the work is given. */
export interface CallContext {
  /** Aborted when nobody waits for the work any more: its caller gave up, or it became too slow. */
  readonly signal: AbortSignal;
}

/** How the work ended, or why nobody waited for its end. */
export type Outcome<Value> =
  | { readonly kind: "value"; readonly value: Value }
  | { readonly kind: "error"; readonly error: unknown }
  | { readonly kind: "aborted"; readonly reason: unknown }
  | { readonly kind: "too-slow" };

/** What a call is run with. */
export interface RunSettings {
  /** The caller's; absent: it cannot give up. */
  readonly signal: AbortSignal | undefined;
  /** When to stop waiting, in milliseconds; Infinity: never. */
  readonly limitMs: number;
  /** What the work's signal is aborted with when the time is over. */
  readonly whenTooSlow: () => Error;
  readonly clock: Clock;
}

/** Of a call that nobody can abort. A signal of its own for each who asks: listeners on one for all would pile up. */
export const UNABORTABLE: CallContext = Object.freeze({
  get signal() {
    return new AbortController().signal;
  },
});

/** Something that can fail. */
export type Work<Value> = (context: CallContext) => Value | PromiseLike<Value>;

/** Begins work that nobody can abort. What it throws at once is a rejection as well. */
export function beginWork<Value>(work: Work<Value>): Promise<Value> {
  try {
    return Promise.resolve(work(UNABORTABLE));
  } catch (error) {
    return Promise.reject(error as Error);
  }
}

/**
 * Runs work to its end, to the abort of its signal or to its limit, whichever is first. Never rejects. Work that goes on
 * after that is told by its own signal; what it then answers is dropped.
 */
export function runWork<Value>(work: Work<Value>, settings: RunSettings): Promise<Outcome<Value>> {
  const { signal, limitMs, whenTooSlow, clock } = settings;
  const controller = new AbortController();
  return new Promise((resolve) => {
    const onAbort = () => {
      end({ kind: "aborted", reason: signal?.reason });
      controller.abort(signal?.reason);
    };
    const onTooSlow = () => {
      end({ kind: "too-slow" });
      controller.abort(whenTooSlow());
    };
    const timer = limitMs === Number.POSITIVE_INFINITY ? undefined : clock.setTimer(limitMs, onTooSlow);
    signal?.addEventListener("abort", onAbort, { once: true });
    const end = (outcome: Outcome<Value>) => {
      timer?.cancel();
      signal?.removeEventListener("abort", onAbort);
      resolve(outcome);
    };
    void toOutcome(work, { signal: controller.signal }).then(end);
  });
}

async function toOutcome<Value>(work: Work<Value>, context: CallContext): Promise<Outcome<Value>> {
  try {
    return { kind: "value", value: await work(context) };
  } catch (error) {
    return { kind: "error", error };
  }
}

/** Whether something can serve as an AbortSignal, whoever made it. */
export function isSignal(value: unknown): value is AbortSignal {
  // Any object may be asked for a property.
  const signal = value as Partial<AbortSignal> | null;
  return (
    typeof signal === "object" && typeof signal?.aborted === "boolean" && typeof signal.addEventListener === "function"
  );
}
