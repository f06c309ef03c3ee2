import { limit } from "@signalbox/protocol";

import type { Clock, Timer } from "../clock.ts";

/** An attempt that a runner holds now. */
export interface LiveAttempt {
  readonly attemptId: string;
  readonly epoch: number;
  readonly runId: string;
  readonly orgId: string;
  readonly stepIndex: number;
  readonly runnerId: string;
  readonly concurrencyKey: string | undefined;
  /** Set when somebody wants it stopped: what every renewal is answered with from then on. */
  cancelMode: "cancel" | "abort" | null;
  /** On the control plane's monotonic clock. */
  leaseEndsAt: number;
}

/**
 * The attempts that runners hold, and when each lease ends. Leases are judged by this process's monotonic clock alone;
 * after a restart every lease begins anew, which can only be later than its runner believes.
 */
export class AttemptBoard {
  readonly #clock: Clock;
  readonly #onLost: (attempt: LiveAttempt) => void;
  readonly #live = new Map<string, LiveAttempt>();
  readonly #graceMs: number;
  #sweep: Timer | undefined;
  #isStopped = false;

  constructor(deps: {
    readonly clock: Clock;
    readonly onLost: (attempt: LiveAttempt) => void;
    readonly graceMs?: number;
  }) {
    this.#clock = deps.clock;
    this.#onLost = deps.onLost;
    this.#graceMs = deps.graceMs ?? limit("lease.graceMs");
  }

  get size(): number {
    return this.#live.size;
  }

  get(attemptId: string): LiveAttempt | undefined {
    return this.#live.get(attemptId);
  }

  [Symbol.iterator](): IterableIterator<LiveAttempt> {
    return this.#live.values();
  }

  add(attempt: LiveAttempt): void {
    this.#live.set(attempt.attemptId, attempt);
    this.#schedule();
  }

  /** Takes an attempt off the board; undefined when it was not on it, or at another epoch. */
  remove(attemptId: string, epoch: number): LiveAttempt | undefined {
    const attempt = this.#live.get(attemptId);
    if (!attempt || attempt.epoch !== epoch) return undefined;
    this.#live.delete(attemptId);
    return attempt;
  }

  /** Extends a lease. */
  renew(attemptId: string, epoch: number, endsAt: number): void {
    const attempt = this.#live.get(attemptId);
    if (attempt?.epoch === epoch) attempt.leaseEndsAt = endsAt;
  }

  stop(): void {
    this.#isStopped = true;
    this.#sweep?.cancel();
  }

  #schedule(): void {
    if (this.#sweep || this.#isStopped || this.#live.size === 0) return;
    let earliest = Number.POSITIVE_INFINITY;
    for (const attempt of this.#live.values()) earliest = Math.min(earliest, attempt.leaseEndsAt);
    const delay = Math.max(0, earliest + this.#graceMs - this.#clock.monotonic());
    this.#sweep = this.#clock.setTimer(delay, () => this.#sweepNow());
  }

  #sweepNow(): void {
    this.#sweep = undefined;
    const deadline = this.#clock.monotonic() - this.#graceMs;
    for (const attempt of this.#live.values()) {
      if (attempt.leaseEndsAt > deadline) continue;
      this.#live.delete(attempt.attemptId);
      this.#onLost(attempt);
    }
    this.#schedule();
  }
}
