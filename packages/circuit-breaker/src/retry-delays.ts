import { limit } from "./limits.ts";

/** How often and how soon to try again. Durations are in milliseconds; the names are those of a plugin's manifest. */
export interface RetryPolicy {
  /** Tries after the first. Default 3. */
  readonly maxRetries?: number | undefined;
  /** `exponential`, the default: the delay doubles with each retry; `fixed`: it stays `initialDelay`. */
  readonly backoff?: "exponential" | "fixed" | undefined;
  /** Before the first retry. Default 1,000. */
  readonly initialDelay?: number | undefined;
  /** No delay is longer, but for what the other side asks for. Default 10,000. */
  readonly maxDelay?: number | undefined;
  /**
   * `full`, the default: each delay is drawn evenly between nothing and what backoff allows, so that those who failed
   * together do not come back together ("Exponential Backoff And Jitter", AWS Architecture Blog). `none`: as backoff says.
   */
  readonly jitter?: "full" | "none" | undefined;
}

/** The delays of a policy, in milliseconds, one for each retry. `random` is in [0, 1); without it they are the longest. */
export function retryDelays(policy: RetryPolicy = {}, random: () => number = () => 1): number[] {
  const retries = policy.maxRetries ?? limit("retry.maxRetries");
  return Array.from({ length: retries }, (_, index) => retryDelayMs(policy, index + 1, random));
}

/** The delay before the n-th retry, from 1. */
export function retryDelayMs(policy: RetryPolicy, retry: number, random: () => number): number {
  const initialMs = policy.initialDelay ?? limit("retry.initialDelayMs");
  const growth = policy.backoff === "fixed" ? 1 : 2 ** (retry - 1);
  const ceilingMs = Math.min(policy.maxDelay ?? limit("retry.maxDelayMs"), initialMs * growth);
  return policy.jitter === "none" ? ceilingMs : ceilingMs * random();
}
