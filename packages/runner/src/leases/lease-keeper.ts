import type { ControlMessageOf, RunnerMessageOf } from "@signalbox/protocol";

import type { Clock, Timer } from "../process/clock.ts";

/** An attempt and the epoch under which this runner holds it. */
export interface HeldAttempt {
  readonly attemptId: string;
  readonly epoch: number;
}

export interface LeaseKeeperSettings {
  readonly clock: Clock;
  /** Whether the frame went out. */
  readonly send: (message: RunnerMessageOf<"renew">) => boolean;
  /** The server's word on an attempt. A renewed lease is not told. */
  readonly onVerdict: (attempt: HeldAttempt, verdict: "cancel" | "abort" | "lost") => void;
  /** The lease is about to end; the work must be over within `withinMs`. */
  readonly onExpiring: (attempt: HeldAttempt, withinMs: number) => void;
}

/** The share of a lease that is kept for stopping the work: 5 of 30 seconds. */
const MARGIN_SHARE = 6;

interface Lease extends HeldAttempt {
  readonly leaseMs: number;
  endsAt: number;
  expiry: Timer | undefined;
}

/**
 * Keeps the leases of all attempts alive with one frame per interval. A lease is counted on the monotonic clock from the
 * moment when its renewal was sent, so that it ends here before it ends at the server, whatever the network did.
 */
export class LeaseKeeper implements Disposable {
  readonly #settings: LeaseKeeperSettings;
  readonly #leases = new Map<string, Lease>();
  /** When the renewals were sent that are still unanswered: an answer that names another time is not believed. */
  readonly #unanswered = new Set<number>();
  #renewal: Timer | undefined;

  constructor(settings: LeaseKeeperSettings) {
    this.#settings = settings;
  }

  /** Begins to count a lease from `sinceMs` of the monotonic clock. */
  hold(attempt: HeldAttempt, leaseMs: number, sinceMs: number): void {
    this.release(attempt.attemptId);
    const lease = { ...attempt, leaseMs, endsAt: 0, expiry: undefined };
    this.#leases.set(attempt.attemptId, lease);
    this.#extend(lease, sinceMs);
  }

  has(attemptId: string): boolean {
    return this.#leases.has(attemptId);
  }

  release(attemptId: string): void {
    this.#leases.get(attemptId)?.expiry?.cancel();
    this.#leases.delete(attemptId);
  }

  /** A connection is there: renews at once, because some leases may be old, and then at each interval. */
  connected(renewMs: number): void {
    this.#renewal?.cancel();
    this.#unanswered.clear();
    const renew = (): void => {
      this.#renew();
      this.#renewal = this.#settings.clock.setTimer(renewMs, renew);
    };
    renew();
  }

  disconnected(): void {
    this.#renewal?.cancel();
    this.#unanswered.clear();
  }

  /** The answer to a renewal. */
  renewed({ sentAt, attempts }: ControlMessageOf<"renewed">): void {
    if (!this.#unanswered.delete(sentAt)) return;
    for (const { attemptId, epoch, verdict } of attempts) {
      const lease = this.#leases.get(attemptId);
      if (!lease || lease.epoch !== epoch) continue;
      if (verdict !== "lost") this.#extend(lease, sentAt);
      if (verdict !== "renewed") this.#settings.onVerdict(lease, verdict);
    }
  }

  [Symbol.dispose](): void {
    this.disconnected();
    for (const attemptId of this.#leases.keys()) this.release(attemptId);
  }

  #renew(): void {
    if (this.#leases.size === 0) return;
    const sentAt = this.#settings.clock.monotonic();
    const attempts = [...this.#leases.values()].map(({ attemptId, epoch }) => ({ attemptId, epoch }));
    if (this.#settings.send({ type: "renew", sentAt, attempts })) this.#unanswered.add(sentAt);
  }

  /** Answers may overtake each other; the later renewal counts. */
  #extend(lease: Lease, sentAt: number): void {
    const { clock, onExpiring } = this.#settings;
    lease.endsAt = Math.max(lease.endsAt, sentAt + lease.leaseMs);
    lease.expiry?.cancel();
    const marginMs = lease.leaseMs / MARGIN_SHARE;
    lease.expiry = clock.setTimer(Math.max(0, lease.endsAt - marginMs - clock.monotonic()), () => {
      onExpiring(lease, Math.max(0, lease.endsAt - clock.monotonic()));
    });
  }
}
