import type { LimitLookup } from "@signalbox/protocol";
import type { Unfinished } from "@signalbox/store";

import type { Clock } from "./clock.ts";
import type { ActiveRuns } from "./run/active-runs.ts";
import type { AttemptBoard } from "./runner/attempt-board.ts";
import type { Dispatcher } from "./runner/dispatcher.ts";
import type { Heartbeats } from "./runner/heartbeats.ts";
import { toWaitingStep } from "./runner/ready-queue.ts";
import type { TimerService } from "./timers/timer-service.ts";

/**
 * Takes up what is not over. Every lease begins anew: runners get their whole time to come back, and none can believe
 * that its lease lasts longer than this process does.
 */
export function recover(
  unfinished: Unfinished,
  to: {
    readonly clock: Clock;
    readonly limits: LimitLookup;
    readonly board: AttemptBoard;
    readonly dispatcher: Dispatcher;
    readonly heartbeats: Heartbeats;
    readonly activeRuns: ActiveRuns;
    readonly timers: TimerService;
  },
): void {
  for (const run of unfinished.runs) to.activeRuns.add(run.id, run.org_id);
  for (const runner of unfinished.runners) {
    to.heartbeats.watch(runner.id, runner.state === "online" || runner.state === "draining");
  }
  const leaseEndsAt = to.clock.monotonic() + to.limits("lease.ttlMs");
  for (const { attemptId, epoch, runnerId, cancelMode, step } of unfinished.live) {
    const { concurrencyKey } = toWaitingStep(step);
    const attempt = {
      attemptId,
      epoch,
      runId: step.runId,
      orgId: step.orgId,
      stepIndex: step.index,
      runnerId,
      concurrencyKey,
      cancelMode,
      leaseEndsAt,
    };
    to.board.add(attempt);
    to.dispatcher.adopt(attempt);
  }
  to.dispatcher.enqueue(unfinished.ready);
  if (unfinished.nextTimerAt !== undefined) to.timers.schedule(unfinished.nextTimerAt);
}
