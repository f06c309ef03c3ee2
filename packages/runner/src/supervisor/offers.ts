import type { ControlMessageOf } from "@signalbox/protocol";

import { matchesAny } from "../policy/matches-pattern.ts";
import type { RunnerPolicy } from "../policy/policy.ts";
import type { Clock, Timer } from "../process/clock.ts";
import { toolOf } from "../tools/tool-table.ts";

interface AcceptedOffer {
  readonly offer: ControlMessageOf<"offer">;
  /** On the monotonic clock. No lease that the offer leads to can have begun before. */
  readonly acceptedAt: number;
  readonly expiry: Timer;
}

/** The offers that were accepted and wait for their start; each holds a slot. */
export class Offers {
  readonly #clock: Clock;
  readonly #accepted = new Map<string, AcceptedOffer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get count(): number {
    return this.#accepted.size;
  }

  /** Remembers an offer. Its start may be late by a few times the offer's life; then the slot is free again. */
  accept(offer: ControlMessageOf<"offer">): void {
    const { offerId, expiresMs } = offer;
    const expiry = this.#clock.setTimer(LATE_FACTOR * expiresMs, () => this.#accepted.delete(offerId));
    this.#accepted.set(offerId, { offer, acceptedAt: this.#clock.monotonic(), expiry });
  }

  /** The offer that a start belongs to; undefined when it was forgotten. */
  take(offerId: string): AcceptedOffer | undefined {
    const accepted = this.#accepted.get(offerId);
    accepted?.expiry.cancel();
    this.#accepted.delete(offerId);
    return accepted;
  }

  /** The connection is gone, and with it every start that was to come. */
  clear(): void {
    for (const offerId of this.#accepted.keys()) this.take(offerId);
  }
}

const LATE_FACTOR = 4;

/** Why an offer is declined; undefined when it is accepted. */
export function whyDecline(request: {
  readonly offer: ControlMessageOf<"offer">;
  readonly policy: RunnerPolicy;
  readonly freeSlots: number;
  readonly isLeaving: boolean;
}): string | undefined {
  const { offer, policy, freeSlots, isLeaving } = request;
  if (isLeaving) return "the runner is leaving";
  if (freeSlots <= 0) return "every slot is taken";
  if (!toolOf(offer.tool)) return `this runner does not know the tool ${offer.tool}`;
  return matchesAny(policy.tools, offer.tool)
    ? undefined
    : `this machine's owner does not allow the tool ${offer.tool}`;
}
