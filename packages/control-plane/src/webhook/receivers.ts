import { CIRCUIT_BREAKER_LIMITS, CircuitBreaker } from "@signalbox/circuit-breaker";
import type { LimitLookup, Webhook } from "@signalbox/protocol";

import type { Clock } from "../clock.ts";
import { isReceiverFailing } from "./after-try.ts";
import type { PostResult } from "./post-message.ts";

const FAILURES_COUNT_FOR_MS = 300_000;

/** What is known of the receivers while this server lives: how many posts each has before it, and whether it is well. */
export class Receivers {
  readonly #limits: LimitLookup;
  readonly #clock: Clock;
  readonly #breakers = new Map<string, CircuitBreaker>();
  readonly #busy = new Map<string, number>();
  /** Those that were failing when this server began, and of which it has heard nothing itself. */
  readonly #doubted = new Set<string>();

  constructor(deps: { readonly limits: LimitLookup; readonly clock: Clock }) {
    this.#limits = deps.limits;
    this.#clock = deps.clock;
  }

  /** Notes that a receiver failed before this server began: one post shows how it is, before more are sent. */
  doubt(webhookId: string): void {
    this.#doubted.add(webhookId);
  }

  /** How many posts a receiver may be sent now. */
  roomOf(webhookId: string): number {
    const free = this.#limits("webhook.concurrency") - (this.#busy.get(webhookId) ?? 0);
    const breaker = this.#breakers.get(webhookId);
    if (this.#doubted.has(webhookId)) return this.#busy.has(webhookId) ? 0 : 1;
    if (!breaker || breaker.getState() === "closed") return Math.max(0, free);
    // One is enough to learn whether it is well again.
    return breaker.getState() === "open" || this.#busy.has(webhookId) ? 0 : 1;
  }

  /** How long a receiver is left alone; 0 when it is not. */
  quietMsOf(webhookId: string): number {
    const stats = this.#breakers.get(webhookId)?.getStats();
    return stats?.state === "open" ? stats.retryAfterMs : 0;
  }

  stateOf(webhookId: string): Webhook["breaker"] {
    return this.#breakers.get(webhookId)?.getState() ?? "closed";
  }

  /** Makes a post and counts what it comes to. Rejects with a CircuitOpenError when the receiver is to be left alone. */
  async call(webhookId: string, work: () => Promise<PostResult>): Promise<PostResult> {
    const breaker = this.#breakerOf(webhookId);
    const result = await breaker.execute(work);
    const wasDoubted = this.#doubted.delete(webhookId);
    if (wasDoubted && isReceiverFailing(result)) breaker.open("it failed before this server began, and fails still");
    return result;
  }

  /** Notes that so many posts more, or fewer, are on their way. */
  count(webhookId: string, change: number): void {
    const busy = (this.#busy.get(webhookId) ?? 0) + change;
    if (busy === 0) this.#busy.delete(webhookId);
    else this.#busy.set(webhookId, busy);
  }

  /** Forgets all that it knew of a receiver's failures. */
  forget(webhookId: string): void {
    this.#doubted.delete(webhookId);
    this.#breakers.get(webhookId)?.[Symbol.dispose]();
    this.#breakers.delete(webhookId);
  }

  #breakerOf(webhookId: string): CircuitBreaker {
    let breaker = this.#breakers.get(webhookId);
    if (breaker) return breaker;
    const limits = this.#limits;
    const longestMs = CIRCUIT_BREAKER_LIMITS["duration.maxMs"].value;
    const restMs = Math.min(limits("webhook.breakerMs"), longestMs);
    breaker = new CircuitBreaker(webhookId, {
      threshold: Math.min(limits("webhook.breakerFailures"), CIRCUIT_BREAKER_LIMITS["threshold.max"].value),
      monitoringWindow: FAILURES_COUNT_FOR_MS,
      timeout: restMs,
      maxTimeout: Math.max(restMs, Math.min(limits("webhook.breakerMaxMs"), longestMs)),
      halfOpenRetries: 1,
      halfOpenConcurrency: 1,
      isFailureResult: (result) => isReceiverFailing(result as PostResult),
      // What is no result is a stop of the server, or a bug of this one; neither says anything of the receiver.
      isFailure: () => false,
      announce: false,
      clock: this.#clock,
    });
    this.#breakers.set(webhookId, breaker);
    return breaker;
  }
}
