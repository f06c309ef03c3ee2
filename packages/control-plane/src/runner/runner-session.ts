import type { AttemptState, LimitLookup, RunnerMessage, RunnerMessageOf } from "@signalbox/protocol";
import { readAttempt, UnitRefusal, type SignalboxStore } from "@signalbox/store";

import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { SessionLog } from "../session/session-log.ts";
import type { AttemptBoard } from "./attempt-board.ts";
import type { AttemptResults } from "./attempt-results.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { ConnectedRunner, Fleet } from "./fleet.ts";
import type { Heartbeats } from "./heartbeats.ts";
import type { Probes } from "./probes.ts";

/** What a `RunnerSession` works with. */
export interface RunnerSessionDeps {
  readonly store: SignalboxStore;
  readonly clock: Clock;
  readonly limits: LimitLookup;
  readonly fleet: Fleet;
  readonly board: AttemptBoard;
  readonly dispatcher: Dispatcher;
  readonly results: AttemptResults;
  readonly heartbeats: Heartbeats;
  readonly probes: Probes;
  readonly sessionLog: SessionLog;
  readonly logger: Logger;
  /** A runner wants to leave: for a while, or for good. */
  readonly onDrainWanted: (runnerId: string, comesBack: boolean) => Promise<void>;
}

/** What an attempt that a hello names is told. */
export type HelloVerdict = "keep" | "cancel" | "abort" | "fenced" | "unknown";

/** The conversation with one runner over one connection, after it has proven who it is. */
export class RunnerSession {
  readonly #deps: RunnerSessionDeps;
  readonly #runner: ConnectedRunner;

  constructor(deps: RunnerSessionDeps, runner: ConnectedRunner) {
    this.#deps = deps;
    this.#runner = runner;
  }

  /**
   * Compares what the runner says it has with what the control plane knows: extends what it still holds, and counts as
   * interrupted what it has come back without.
   */
  async reconcile(
    hello: RunnerMessageOf<"hello">,
  ): Promise<{ attemptId: string; epoch: number; verdict: HelloVerdict }[]> {
    const { board, clock, limits, results } = this.#deps;
    const named = new Map(hello.attempts.map((attempt) => [attempt.attemptId, attempt]));
    const held = [...board].filter((attempt) => attempt.runnerId === this.#runner.runnerId);
    const leaseEndsAt = clock.monotonic() + limits("lease.ttlMs");
    for (const attempt of held) {
      const known = named.get(attempt.attemptId);
      if (!known || known.epoch !== attempt.epoch)
        await results.lost(attempt, "interrupted", "the runner came back without it");
      else {
        board.renew(attempt.attemptId, attempt.epoch, leaseEndsAt);
        this.#runner.held.add(attempt.attemptId);
      }
    }
    return Promise.all(
      hello.attempts.map(async ({ attemptId, epoch }) => ({
        attemptId,
        epoch,
        verdict: await this.#verdictOn(attemptId, epoch),
      })),
    );
  }

  /** Does what a message asks. Messages of one connection may overlap; each carries its own proof of holding. */
  async handle(message: RunnerMessage): Promise<void> {
    const runner = this.#runner;
    const { dispatcher, results, heartbeats, probes, fleet } = this.#deps;
    if (fleet.get(runner.runnerId) !== runner)
      return runner.channel.close(4009, "this is not the newest connection of this runner");
    switch (message.type) {
      case "heartbeat":
        heartbeats.beat(runner.runnerId, message);
        return;
      case "renew":
        return this.#renew(message);
      case "accept":
        return dispatcher.accept(runner, { offerId: message.offerId, attemptId: message.attemptId });
      case "decline":
        return dispatcher.decline(runner, message);
      case "started":
        return this.#fenceUnless(await results.started(runner.runnerId, message), message);
      case "progress":
        return this.#fenceUnless(await results.progressed(runner.runnerId, message), message);
      case "agent_ended":
        return this.#agentEnded(message);
      case "finish":
        return this.#finish(message);
      case "probe_ack":
        return probes.answered(runner);
      case "drain":
        return this.#deps.onDrainWanted(runner.runnerId, message.comesBack);
      case "hello":
        runner.channel.close(4002, "a second hello");
        return;
    }
  }

  /** Leases live on the board alone: a restart gives every one of them a new term, which is later than this one's end. */
  #renew({ sentAt, attempts }: RunnerMessageOf<"renew">): void {
    const { clock, board, limits } = this.#deps;
    const leaseEndsAt = clock.monotonic() + limits("lease.ttlMs");
    const answers = attempts.map(({ attemptId, epoch }) => {
      const held = board.get(attemptId);
      if (held?.epoch !== epoch || held.runnerId !== this.#runner.runnerId)
        return { attemptId, epoch, verdict: "lost" as const };
      held.leaseEndsAt = leaseEndsAt;
      return { attemptId, epoch, verdict: held.cancelMode ?? ("renewed" as const) };
    });
    this.#runner.channel.send({ type: "renewed", sentAt, attempts: answers });
  }

  /** Of an attempt that is somebody else's by now, or over, it says nothing. */
  async #agentEnded({ attemptId, epoch }: RunnerMessageOf<"agent_ended">): Promise<void> {
    const { sessionLog, clock } = this.#deps;
    const { runnerId } = this.#runner;
    try {
      await sessionLog.commit("noteAgentEnded", { attemptId, epoch, runnerId, now: clock.now() });
    } catch (error) {
      if (!(error instanceof UnitRefusal)) throw error;
    }
  }

  async #finish(message: RunnerMessageOf<"finish">): Promise<void> {
    const { attemptId, epoch } = message;
    const answer = await this.#deps.results.finished(this.#runner.runnerId, message);
    this.#runner.channel.send({ type: "finish_ack", attemptId, epoch, ...answer });
  }

  #fenceUnless(isHeld: boolean, { attemptId, epoch }: { readonly attemptId: string; readonly epoch: number }): void {
    if (!isHeld) this.#runner.channel.send({ type: "fenced", attemptId, epoch });
  }

  async #verdictOn(attemptId: string, epoch: number): Promise<HelloVerdict> {
    const held = this.#deps.board.get(attemptId);
    if (held?.epoch === epoch && held.runnerId === this.#runner.runnerId) return held.cancelMode ?? "keep";
    const attempt = await this.#deps.store.view(() => readAttempt(attemptId));
    if (!attempt) return "unknown";
    if (attempt.number !== epoch || attempt.runnerId !== this.#runner.runnerId) return "fenced";
    // A result that was recorded but not acknowledged is kept until the runner has heard so.
    return FINISHED_BY_RUNNER.has(attempt.state) ? "keep" : "fenced";
  }
}

const FINISHED_BY_RUNNER: ReadonlySet<AttemptState> = new Set([
  "succeeded",
  "failed",
  "skipped",
  "cancelled",
  "interrupted",
]);
