import type { LimitLookup } from "@signalbox/protocol";
import type { PlannedStep, Unfinished } from "@signalbox/store";

import type { Clock } from "./clock.ts";
import type { ActiveRuns } from "./run/active-runs.ts";
import type { AttemptBoard } from "./runner/attempt-board.ts";
import type { Dispatcher } from "./runner/dispatcher.ts";
import type { Heartbeats } from "./runner/heartbeats.ts";
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
  for (const attempt of unfinished.live) {
    const { concurrencyKey, baseManifest } = heldBy(attempt.envelope, attempt.definition, attempt.org_id);
    to.board.add({
      attemptId: attempt.id, epoch: attempt.epoch, runId: attempt.run_id, orgId: attempt.org_id, stepIndex: attempt.step_idx,
      runnerId: attempt.runner_id, concurrencyKey, baseManifest, leaseEndsAt,
    });
    to.dispatcher.adopt({ runId: attempt.run_id, index: attempt.step_idx, runnerId: attempt.runner_id, concurrencyKey });
  }
  to.dispatcher.enqueue(unfinished.ready);
  const [earliest] = unfinished.timers;
  if (earliest) to.timers.schedule(earliest.due_at);
}

function heldBy(envelopeText: string, definitionText: string, orgId: string): { concurrencyKey: string | undefined; baseManifest: string | null } {
  const envelope = JSON.parse(envelopeText) as { projectId: string; baseManifest: string | null };
  const { concurrencyKey } = JSON.parse(definitionText) as PlannedStep;
  return {
    concurrencyKey: concurrencyKey === undefined ? undefined : JSON.stringify([orgId, envelope.projectId, concurrencyKey]),
    baseManifest: envelope.baseManifest,
  };
}

