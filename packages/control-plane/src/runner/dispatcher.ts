import {
  canonicalJson,
  codegenProvider,
  type ControlMessageOf,
  type Envelope,
  type GateContent,
  type IdSource,
  isAgentTool,
  type LimitLookup,
  type ProviderId,
  type StartGrant,
} from "@signalbox/protocol";
import { hashEnvelope, hashGateContent } from "@signalbox/protocol/hash";
import {
  readGateOfStep,
  readReadyStep,
  openingOf,
  readSession,
  sessionIdOf,
  UnitRefusal,
  type ReadyStep,
  type RunOutcome,
  type SessionProgress,
  type SignalboxStore,
} from "@signalbox/store";

import type { Clock, Timer } from "../clock.ts";
import { ControlPlaneError } from "../errors.ts";
import type { RunLog } from "../events/run-log.ts";
import type { Logger } from "../logger.ts";
import type { SecretVault } from "../project/secret-vault.ts";
import type { AttemptBoard, LiveAttempt } from "./attempt-board.ts";
import { envelopeOf } from "./envelope.ts";
import { freeSlotsOf, type ConnectedRunner, type Fleet } from "./fleet.ts";
import { choose } from "./placement.ts";
import { keyOf, toWaitingStep, type ReadyQueue, type WaitingStep } from "./ready-queue.ts";

/** What a `Dispatcher` works with. */
export interface DispatcherDeps {
  readonly store: SignalboxStore;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly limits: LimitLookup;
  readonly runLog: RunLog;
  readonly fleet: Fleet;
  readonly queue: ReadyQueue;
  readonly board: AttemptBoard;
  readonly vault: SecretVault;
  readonly logger: Logger;
}

interface Offer {
  readonly offerId: string;
  readonly waiting: WaitingStep;
  readonly runner: ConnectedRunner;
  readonly timer: Timer;
}

/** A gate that a step stands behind, and exactly what it asked. */
interface GateYes {
  readonly gateId: string;
  readonly contentHash: string;
  readonly content: GateContent;
}

const DECLINED_MS = 5_000;
const RETRY_MS = 1_000;

/**
 * Matches steps that wait to runners with room, in memory and pushed by events: no polling. An offer comes first and
 * burns nothing; the lease is committed when the runner accepts, and the grant to start follows the commit.
 */
export class Dispatcher {
  readonly #deps: DispatcherDeps;
  readonly #offers = new Map<string, Offer>();
  /** Concurrency keys in use, with the step and the number of its attempt that holds each. */
  readonly #keys = new Map<string, { readonly step: string; readonly number: number }>();
  /** The runner that has a run's workspace. */
  readonly #keepers = new Map<string, string>();
  #isStopped = false;

  constructor(deps: DispatcherDeps) {
    this.#deps = deps;
    deps.runLog.on("ready", (steps) => this.enqueue(steps));
    deps.runLog.on("changed", ({ runId, isOver }) => {
      if (!isOver) return;
      this.drop(runId);
      this.#keepers.delete(runId);
    });
    deps.fleet.on("available", (runner) => this.#fill(runner));
    deps.fleet.on("gone", (runner) => this.#takeBack(runner));
  }

  /** Takes steps that wait for a runner and offers them to whoever has room. */
  enqueue(steps: readonly ReadyStep[]): void {
    for (const ready of steps) {
      const waiting = toWaitingStep(ready);
      this.#deps.queue.add(waiting);
      this.#place(waiting);
    }
  }

  /** A step has a live attempt again after a restart. */
  adopt(attempt: Pick<LiveAttempt, "runId" | "stepIndex" | "epoch" | "runnerId" | "concurrencyKey">): void {
    const { runId, stepIndex, epoch, runnerId, concurrencyKey } = attempt;
    this.#keepers.set(runId, runnerId);
    if (concurrencyKey !== undefined)
      this.#keys.set(concurrencyKey, { step: keyOf({ runId, index: stepIndex }), number: epoch });
  }

  /** A live attempt is over: its key and its place are free. */
  released(attempt: LiveAttempt): void {
    this.#freeKey(attempt.concurrencyKey, keyOf({ runId: attempt.runId, index: attempt.stepIndex }), attempt.epoch);
    this.#placeKeyed(attempt.concurrencyKey);
    this.#deps.fleet.release(attempt.runnerId, attempt.attemptId);
  }

  /** The holder of a step's concurrency key, when it is another step. */
  keyHolder(waiting: WaitingStep): string | undefined {
    const holder = waiting.concurrencyKey === undefined ? undefined : this.#keys.get(waiting.concurrencyKey)?.step;
    return holder === keyOf(waiting) ? undefined : holder;
  }

  /** The steps of a run that wait do so no more: offers of them are withdrawn. What runners hold stays theirs. */
  drop(runId: string): void {
    this.#deps.queue.removeRun(runId);
    const open = [...this.#offers.values()].filter(({ waiting }) => waiting.runId === runId);
    for (const { offerId, runner, waiting } of open) {
      if (!this.#takeOffer(offerId, runner)) continue;
      runner.channel.send({ type: "withdraw", offerId, attemptId: offerId });
      this.#freeStep(waiting);
      this.#placeKeyed(waiting.concurrencyKey);
      this.#deps.fleet.release(runner.runnerId, offerId);
    }
  }

  /** A runner takes an offer: commits the lease and lets it start. An offer that is no longer open is withdrawn. */
  async accept(
    runner: ConnectedRunner,
    message: { readonly offerId: string; readonly attemptId: string },
  ): Promise<void> {
    const offer = this.#takeOffer(message.offerId, runner);
    if (!offer) return runner.channel.send({ type: "withdraw", ...message });
    try {
      await this.#lease(offer);
    } catch (error) {
      runner.channel.send({ type: "withdraw", ...message });
      this.#giveBack(offer, error);
      this.#deps.fleet.release(runner.runnerId, offer.offerId);
    }
  }

  /** A runner does not want an offer: others are asked, and it is not asked again for a while. */
  decline(runner: ConnectedRunner, message: { readonly offerId: string; readonly reason: string }): void {
    const offer = this.#takeOffer(message.offerId, runner);
    if (!offer) return;
    this.#deps.logger.info(
      { runner: runner.runnerId, run: offer.waiting.runId, step: offer.waiting.step.name, reason: message.reason },
      "offer declined",
    );
    offer.waiting.declined.add(runner.runnerId);
    this.#deps.clock.setTimer(DECLINED_MS, () => {
      offer.waiting.declined.delete(runner.runnerId);
      if (this.#deps.queue.has(offer.waiting)) this.#place(offer.waiting);
    });
    this.#requeue(offer.waiting);
    this.#deps.fleet.release(runner.runnerId, offer.offerId);
  }

  /** Offers nothing more. */
  stop(): void {
    this.#isStopped = true;
    for (const offer of this.#offers.values()) offer.timer.cancel();
    // What is accepted from here on is withdrawn: a lease whose start goes down with the sockets would only be lost.
    this.#offers.clear();
  }

  #fill(runner: ConnectedRunner): void {
    const { fleet, queue } = this.#deps;
    const fits = ({ fingerprint, orgId, step }: WaitingStep) =>
      fleet.fitting(fingerprint, orgId, step.requires).has(runner);
    for (const waiting of queue.inOrder(fits)) {
      if (freeSlotsOf(runner) === 0) return;
      this.#place(waiting);
    }
  }

  #place(waiting: WaitingStep): void {
    if (this.#isStopped || this.keyHolder(waiting) !== undefined) return;
    const { fleet } = this.#deps;
    const fitting = fleet.fitting(waiting.fingerprint, waiting.orgId, waiting.step.requires);
    const candidates = [...fitting].filter(
      (runner) => !waiting.declined.has(runner.runnerId) && !runner.isDeaf && !runner.isDraining,
    );
    const chosen = choose(
      candidates.map((runner) => ({ runnerId: runner.runnerId, freeSlots: freeSlotsOf(runner) })),
      this.#keepers.get(waiting.runId),
    );
    const runner = chosen === undefined ? undefined : fleet.get(chosen);
    if (runner) this.#offer(waiting, runner);
  }

  #offer(waiting: WaitingStep, runner: ConnectedRunner): void {
    this.#deps.queue.remove(waiting);
    if (waiting.concurrencyKey !== undefined)
      this.#keys.set(waiting.concurrencyKey, { step: keyOf(waiting), number: waiting.nextAttempt });
    const offerId = this.#deps.ids.next("offer");
    runner.held.add(offerId);
    const expiresMs = this.#deps.limits("offer.ttlMs");
    const timer = this.#deps.clock.setTimer(expiresMs, () => this.#expire(offerId));
    this.#offers.set(offerId, { offerId, waiting, runner, timer });
    const message: ControlMessageOf<"offer"> = {
      type: "offer",
      offerId,
      attemptId: offerId,
      runId: waiting.runId,
      step: waiting.step.name,
      tool: waiting.step.tool,
      expiresMs,
    };
    runner.channel.send(message);
  }

  /** A runner that says nothing is deaf until it answers a probe. */
  #expire(offerId: string): void {
    const offer = this.#offers.get(offerId);
    if (!offer) return;
    this.#offers.delete(offerId);
    const { runner, waiting } = offer;
    this.#deps.logger.warn(
      { runner: runner.runnerId },
      "offer not answered; the runner gets no work until it answers a probe",
    );
    runner.isDeaf = true;
    runner.held.delete(offerId);
    runner.channel.send({ type: "withdraw", offerId, attemptId: offerId });
    runner.channel.send({ type: "probe", probeId: offerId });
    this.#requeue(waiting);
  }

  #takeOffer(offerId: string, runner: ConnectedRunner): Offer | undefined {
    const offer = this.#offers.get(offerId);
    if (!offer || offer.runner !== runner) return undefined;
    offer.timer.cancel();
    this.#offers.delete(offerId);
    return offer;
  }

  #takeBack(runner: ConnectedRunner): void {
    // Taking one back may make another, to another runner.
    const open = [...this.#offers.values()].filter((offer) => offer.runner === runner);
    for (const offer of open) if (this.#takeOffer(offer.offerId, runner)) this.#requeue(offer.waiting);
  }

  async #lease({ offerId, waiting, runner }: Offer): Promise<void> {
    const { store, clock, limits, runLog, board, vault } = this.#deps;
    const { step } = waiting;
    const approvals = step.gates.length === 0 ? [] : await this.#approvals(waiting);
    const secrets =
      step.secretsScope === undefined ? [] : await vault.open(waiting.orgId, waiting.projectId, step.secretsScope);
    const provider = step.tool === "codegen" ? codegenProvider(step.requires, runner.codegenProvider) : undefined;
    const session = isAgentTool(step.tool) ? await this.#sessionOf(waiting, provider) : undefined;
    const changes = approvals.findLast(({ content }) => content.changes !== undefined)?.content.changes;
    const envelope = envelopeOf(waiting, { approvals, changes, secretNames: secrets.map(({ name }) => name), session });
    const envelopeHash = hashEnvelope(envelope);
    const leaseMs = limits("lease.ttlMs");
    const leaseEndsAt = clock.monotonic() + leaseMs;
    const leased = await store.run("leaseAttempt", {
      runId: waiting.runId,
      stepIndex: waiting.index,
      number: waiting.nextAttempt,
      runnerId: runner.runnerId,
      envelopeHash,
      manifest: waiting.manifest,
      approvals: approvals.map(({ gateId, contentHash }) => ({ gateId, contentHash })),
      provider,
      now: clock.now(),
    });
    if (leased.attemptId === null) return this.#holdBack(offerId, leased, waiting, runner);
    const { attemptId, epoch } = leased;
    board.add({
      attemptId,
      epoch,
      runId: waiting.runId,
      orgId: waiting.orgId,
      stepIndex: waiting.index,
      runnerId: runner.runnerId,
      concurrencyKey: waiting.concurrencyKey,
      cancelMode: null,
      leaseEndsAt,
    });
    runner.held.delete(offerId);
    runner.held.add(attemptId);
    this.#keepers.set(waiting.runId, runner.runnerId);
    const grant: StartGrant = {
      attemptId,
      epoch,
      leaseMs,
      number: waiting.nextAttempt,
      envelope,
      envelopeHash,
      environment: step.environment,
      secrets,
      cancelGraceMs: limits("cancel.graceMs"),
      outputBytes: limits("step.outputBytes"),
    };
    runner.channel.send({ type: "start", offerId, grant });
    runLog.tell(leased);
  }

  /** Its gates are asked again, or nothing is left of the run's budget: the step is told to be ready when that is over. */
  #holdBack(offerId: string, outcome: RunOutcome, waiting: WaitingStep, runner: ConnectedRunner): void {
    runner.channel.send({ type: "withdraw", offerId, attemptId: offerId });
    this.#freeStep(waiting);
    this.#placeKeyed(waiting.concurrencyKey);
    this.#deps.fleet.release(runner.runnerId, offerId);
    this.#deps.runLog.tell(outcome);
  }

  /** The session that a step is the work of, as far as it had come. One whose agent the lease names is opened with it. */
  async #sessionOf(
    { runId, index, orgId, step }: WaitingStep,
    provider: ProviderId | undefined,
  ): Promise<Envelope["session"]> {
    const sessionId = sessionIdOf(runId, index);
    const row = await this.#deps.store.view(() => readSession(sessionId, orgId));
    const named = provider === undefined ? {} : { provider };
    if (!row && provider === undefined)
      throw new ControlPlaneError("SESSION_NOT_FOUND", `step ${step.name} of run ${runId} has no session`);
    if (!row) return { sessionId, ...named, nativeSessionId: null, turns: 0, wasWorking: false };
    const opening = openingOf(JSON.parse(row.progress) as SessionProgress);
    // Another agent does not know the conversation by that name.
    const isAnother = provider !== undefined && row.provider !== provider;
    return { sessionId, ...named, ...opening, ...(isAnother ? { nativeSessionId: null } : {}) };
  }

  /**
   * The gates behind which a step stands, with the hash of what each asks, computed anew: it must name this very step.
   * That each said yes, to this hash, and by whom, is checked in the lease's commit.
   */
  async #approvals(waiting: WaitingStep): Promise<GateYes[]> {
    return Promise.all(
      waiting.step.gates.map(async (index) => {
        const gate = await this.#deps.store.view(() => readGateOfStep(waiting.runId, index, waiting.orgId));
        const content = gate && (JSON.parse(gate.content) as GateContent);
        const guarded = content?.guards.find(({ name }) => name === waiting.step.name);
        if (!gate || !content || canonicalJson(guarded ?? null) !== canonicalJson(waiting.step)) {
          throw new ControlPlaneError(
            "CONTENT_CHANGED",
            `the gate of step ${index} asked for something else than step ${waiting.step.name} of run ${waiting.runId}`,
          );
        }
        return { gateId: gate.id, contentHash: hashGateContent(content), content };
      }),
    );
  }

  /** After a lease that was not to be: a step that no longer waits is dropped, any other waits on. */
  #giveBack(offer: Offer, error: unknown): void {
    const { waiting } = offer;
    this.#freeStep(waiting);
    this.#placeKeyed(waiting.concurrencyKey);
    if (error instanceof UnitRefusal && error.code === "INVALID_STATE") return;
    this.#deps.logger.warn(
      { err: error, run: waiting.runId, step: waiting.step.name },
      "lease not committed; trying again",
    );
    this.#deps.clock.setTimer(RETRY_MS, () => void this.#reread(waiting));
  }

  /** Reads a step anew and lets it wait, if it still does. */
  async #reread(waiting: WaitingStep): Promise<void> {
    if (this.#isStopped) return;
    try {
      const ready = await this.#deps.store.view(() => readReadyStep(waiting.runId, waiting.index));
      if (ready) this.enqueue([ready]);
    } catch (error) {
      this.#deps.logger.warn({ err: error, run: waiting.runId }, "step could not be read; trying again");
      this.#deps.clock.setTimer(RETRY_MS, () => void this.#reread(waiting));
    }
  }

  #requeue(waiting: WaitingStep): void {
    this.#freeStep(waiting);
    this.#deps.queue.add(waiting);
    this.#place(waiting);
    this.#placeKeyed(waiting.concurrencyKey);
  }

  #freeStep(waiting: WaitingStep): void {
    this.#freeKey(waiting.concurrencyKey, keyOf(waiting), waiting.nextAttempt);
  }

  /** An attempt gives up its key. A later attempt at the same step may have it by then; that one keeps it. */
  #freeKey(key: string | undefined, step: string, number: number): void {
    const holder = key === undefined ? undefined : this.#keys.get(key);
    if (key !== undefined && holder?.step === step && holder.number === number) this.#keys.delete(key);
  }

  #placeKeyed(key: string | undefined): void {
    if (key === undefined) return;
    for (const waiting of this.#deps.queue.inOrder(() => true)) {
      if (this.#keys.has(key)) return;
      if (waiting.concurrencyKey === key) this.#place(waiting);
    }
  }
}
