import type { SessionFactOf } from "@signalbox/protocol";

import { UnitRefusal } from "../../errors.ts";
import type { Statement } from "../../unit.ts";
import { command, saveSession, tell, type SessionChange, type SessionOutcome } from "./session-change.ts";
import { loadLive, type SessionArgs } from "./session-inputs.ts";

export interface AskDiffArgs extends SessionArgs {
  /** What the answer is known by. */
  readonly requestId: string;
  /** With what it takes to publish it. */
  readonly pack: boolean;
}

/** Asks the runner of a session how its workspace differs from its base. The answer is an event. */
export function* askDiff(args: AskDiffArgs): Generator<Statement, SessionOutcome, unknown> {
  const change = yield* loadLive(args);
  const { row, progress } = change;
  if (!progress.isReady) {
    const message = `no machine holds session ${row.id} now; wait for the next one, or stop the session and take what was recorded last`;
    throw new UnitRefusal("DIFF_UNAVAILABLE", message, { state: row.state });
  }
  const { requestId, pack } = args;
  command(change, { kind: "diff", requestId, pack });
  return yield* saveSession(change, args);
}

/** Keeps what a runner says of its workspace: the last counts. */
export function noteDiff(
  change: SessionChange,
  { requestId, stats, snapshot, isFinal }: SessionFactOf<"diff">,
  now: number,
): void {
  const { progress } = change;
  const before = progress.diff?.stats ?? { files: 0, added: 0, removed: 0 };
  progress.diff = { stats, snapshot: snapshot ?? null, takenAt: now, isFinal };
  const isSame = before.files === stats.files && before.added === stats.added && before.removed === stats.removed;
  if (!isSame) tell(change, "workspace.changed", stats);
  if (!snapshot || (requestId === null && !isFinal)) return;
  const { tree, diffHash, document } = snapshot;
  tell(change, "diff.taken", { requestId, stats, tree, diffHash, document: document.sha256 });
}
