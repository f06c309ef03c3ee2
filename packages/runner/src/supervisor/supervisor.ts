import { OpaqueIdSchema, type ControlMessage, type ControlMessageOf, type RunnerMessage } from "@signalbox/protocol";

import { LeaseKeeper, type HeldAttempt } from "../leases/lease-keeper.ts";
import type { OutputLink } from "../link/output-link.ts";
import type { Logger } from "../logger.ts";
import type { RunnerPolicy } from "../policy/policy.ts";
import type { Clock, Timer } from "../process/clock.ts";
import type { Attempt } from "./attempt.ts";
import { Offers, whyDecline } from "./offers.ts";
import type { StopCause } from "./stop-switch.ts";

export interface SupervisorSettings {
  readonly policy: RunnerPolicy;
  readonly slots: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly send: (message: RunnerMessage) => boolean;
  readonly output: OutputLink;
  /** Begins the work of a grant and gives back the attempt; never throws. */
  readonly begin: (grant: ControlMessageOf<"start">["grant"], onOver: (attempt: Attempt) => void) => Attempt;
}

/** Holds the attempts of this machine: takes offers, starts, ends, and answers for each until the control plane has it all. */
export class Supervisor implements Disposable {
  readonly #settings: SupervisorSettings;
  readonly #attempts = new Map<string, Attempt>();
  readonly #continuing = new Set<string>();
  /** The latest attempts that were begun, oldest first. */
  readonly #begun = new Set<string>();
  readonly #offers: Offers;
  readonly #leases: LeaseKeeper;
  #isLeaving = false;
  #repeat: Timer | undefined;

  constructor(settings: SupervisorSettings) {
    this.#settings = settings;
    this.#offers = new Offers(settings.clock);
    this.#leases = new LeaseKeeper({
      clock: settings.clock,
      send: settings.send,
      onVerdict: (held, verdict) => this.#decide(held, verdict),
      onExpiring: (held, withinMs) => this.#expire(held, withinMs),
    });
  }

  get attempts(): readonly Attempt[] {
    return [...this.#attempts.values()];
  }

  get freeSlots(): number {
    const taken = this.attempts.filter(({ isWorking }) => isWorking).length + this.#offers.count;
    return this.#isLeaving ? 0 : Math.max(0, this.#settings.slots - taken);
  }

  /** Takes over an attempt that was found on disk. */
  adopt(attempt: Attempt): void {
    this.#attempts.set(attempt.id, attempt);
  }

  /** Forgets an attempt that is over. */
  readonly release = (attempt: Attempt): void => {
    this.#leases.release(attempt.id);
    this.#continuing.delete(attempt.id);
    if (this.#attempts.get(attempt.id) === attempt) this.#attempts.delete(attempt.id);
  };

  /** Nothing new is taken from now on. */
  leave(): void {
    this.#isLeaving = true;
  }

  /** Resolves when no attempt is left. */
  async idle(): Promise<void> {
    await Promise.all(this.attempts.map(({ over }) => over));
  }

  /** Stops all work. */
  endAll(cause: StopCause, graceMs: number): void {
    for (const attempt of this.#attempts.values()) attempt.end(cause, graceMs);
  }

  /** Kills what runs and lets go of the spools; the next process of this runner reports the rest. */
  async abandon(): Promise<void> {
    await Promise.all(this.attempts.map((attempt) => attempt.abandon()));
  }

  /** There is a connection: acts on the verdicts, renews the leases, says again what may have been lost. */
  connected({ attempts, intervals }: ControlMessageOf<"welcome">): void {
    for (const { attemptId, epoch, verdict } of attempts) {
      if (verdict === "keep") continue;
      this.#decide({ attemptId, epoch }, verdict === "fenced" || verdict === "unknown" ? "lost" : verdict);
    }
    for (const attempt of this.#attempts.values()) this.#takeUp(attempt, intervals.leaseMs);
    this.#leases.connected(intervals.renewMs);
    this.#reportAll(intervals.renewMs);
  }

  /** The connection is gone; the work goes on as long as its leases do. */
  disconnected(): void {
    this.#offers.clear();
    this.#leases.disconnected();
    this.#repeat?.cancel();
  }

  /** Acts on a message of the control plane. */
  receive(message: ControlMessage): void {
    switch (message.type) {
      case "offer":
        return this.#offer(message);
      case "withdraw":
        return void this.#offers.take(message.offerId);
      case "start":
        return this.#start(message);
      case "renewed":
        return this.#leases.renewed(message);
      case "cancel":
        return this.#decide(message, message.mode);
      case "fenced":
        return this.#decide(message, "lost");
      case "session_command":
        return this.#held(message)?.inbox.deliver(message);
      case "terminal_command":
        return this.#held(message)?.inbox.deliverToTerminal(message.command);
      case "finish_ack":
        return void this.#held(message)?.acknowledged(message);
      case "probe":
        return void this.#settings.send({ type: "probe_ack", probeId: message.probeId });
      case "draining":
        // The drain is the server's: it sends no offers. What it has given stays.
        return this.#settings.logger.info({}, "the control plane drains this runner");
      case "challenge":
      case "welcome":
      case "retired":
      case "refused":
        return;
    }
  }

  /** An answer on the output channel says that the attempt is another's. */
  fence(attemptId: string, epoch: number): void {
    this.#decide({ attemptId, epoch }, "lost");
  }

  /** The control plane has an attempt's output; a result that waited for it can be applied now. */
  delivered(attemptId: string): void {
    const attempt = this.#attempts.get(attemptId);
    attempt?.report();
    void attempt?.interrupt();
  }

  [Symbol.dispose](): void {
    this.disconnected();
    this.#leases[Symbol.dispose]();
  }

  #offer(offer: ControlMessageOf<"offer">): void {
    const { offerId, attemptId } = offer;
    const reason = whyDecline({
      offer,
      policy: this.#settings.policy,
      freeSlots: this.freeSlots,
      isLeaving: this.#isLeaving,
    });
    if (reason !== undefined) return void this.#settings.send({ type: "decline", offerId, attemptId, reason });
    this.#offers.accept(offer);
    this.#settings.send({ type: "accept", offerId, attemptId });
  }

  #start({ offerId, grant }: ControlMessageOf<"start">): void {
    const { clock, logger } = this.#settings;
    const accepted = this.#offers.take(offerId);
    if (!OpaqueIdSchema.safeParse(grant.attemptId).success)
      return logger.error({ offerId }, "a grant has an attempt id that is none");
    const known = this.#attempts.get(grant.attemptId);
    if ((known && known.epoch >= grant.epoch) || this.#hasBegun(grant)) return;
    if (known) void known.fence();
    logger.info({ attemptId: grant.attemptId, tool: grant.envelope.tool }, "attempt starts");
    if (grant.envelope.onDisconnect === "continue") this.#continuing.add(grant.attemptId);
    const attempt = this.#settings.begin(grant, this.release);
    this.#attempts.set(attempt.id, attempt);
    this.#leases.hold(
      { attemptId: grant.attemptId, epoch: grant.epoch },
      grant.leaseMs,
      accepted?.acceptedAt ?? clock.monotonic(),
    );
  }

  /** A start that comes again, however late, begins nothing: what it asks for is done, or is another's by now. */
  #hasBegun({ attemptId, epoch }: HeldAttempt): boolean {
    const key = `${attemptId}/${epoch}`;
    if (this.#begun.has(key)) return true;
    this.#begun.add(key);
    const [oldest] = this.#begun;
    if (this.#begun.size > REMEMBERED_STARTS && oldest !== undefined) this.#begun.delete(oldest);
    return false;
  }

  #decide(held: HeldAttempt, verdict: "cancel" | "abort" | "lost"): void {
    const attempt = this.#held(held);
    if (!attempt) return;
    if (verdict === "lost") void attempt.fence();
    else if (verdict === "abort") attempt.end("abort", 0);
    else attempt.end("cancel");
  }

  /** The work must be over when the lease ends; half of what is left is for going in good order. */
  #expire(held: HeldAttempt, withinMs: number): void {
    const attempt = this.#held(held);
    if (!attempt?.isWorking || this.#continuing.has(held.attemptId)) return;
    this.#settings.logger.warn({ attemptId: held.attemptId }, "the lease ends without a renewal; the work is stopped");
    attempt.end("lease", withinMs / 2);
    // On a busy machine even asking takes time; the kill does not wait for that.
    this.#settings.clock.setTimer(withinMs / 2, () => attempt.end("lease", 0));
  }

  /** What was found on disk has no lease here yet; and what was interrupted has no result before somebody wants it. */
  #takeUp(attempt: Attempt, leaseMs: number): void {
    if (!this.#leases.has(attempt.id))
      this.#leases.hold({ attemptId: attempt.id, epoch: attempt.epoch }, leaseMs, this.#settings.clock.monotonic());
    void attempt.interrupt();
  }

  #held({ attemptId, epoch }: HeldAttempt): Attempt | undefined {
    const attempt = this.#attempts.get(attemptId);
    return attempt?.epoch === epoch ? attempt : undefined;
  }

  #reportAll(everyMs: number): void {
    for (const attempt of this.#attempts.values()) attempt.report();
    this.#repeat = this.#settings.clock.setTimer(everyMs, () => this.#reportAll(everyMs));
  }
}

const REMEMBERED_STARTS = 10_000;
