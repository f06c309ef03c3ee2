import type { AttemptState } from "@signalbox/protocol";

import { get, run, type Statement } from "../../unit.ts";

export interface RenewLeasesArgs {
  readonly runnerId: string;
  readonly attempts: readonly { readonly attemptId: string; readonly epoch: number }[];
  readonly leaseUntil: number;
}

export type RenewalVerdict = "renewed" | "cancel" | "abort" | "lost";

interface Held {
  readonly state: AttemptState;
  readonly epoch: number;
  readonly runner_id: string;
  readonly cancel_mode: "cancel" | "abort" | null;
}

const SELECT_HELD = `SELECT a.state, a.epoch, a.runner_id, r.cancel_mode FROM attempts a
  JOIN runs r ON r.id = a.run_id WHERE a.id = ?`;
const EXTEND = "UPDATE attempts SET lease_until = ? WHERE id = ?";

/** Extends every lease that the runner still holds, and says of each attempt what its runner must do. */
export function* renewLeases(
  args: RenewLeasesArgs,
): Generator<Statement, { attemptId: string; epoch: number; verdict: RenewalVerdict }[], unknown> {
  const answers: { attemptId: string; epoch: number; verdict: RenewalVerdict }[] = [];
  for (const { attemptId, epoch } of args.attempts) {
    const held = yield* get<Held>(SELECT_HELD, attemptId);
    const isHeld = held?.epoch === epoch && held.runner_id === args.runnerId && (held.state === "leased" || held.state === "running");
    if (isHeld) yield* run(EXTEND, args.leaseUntil, attemptId);
    answers.push({ attemptId, epoch, verdict: isHeld ? (held.cancel_mode ?? "renewed") : "lost" });
  }
  return answers;
}
