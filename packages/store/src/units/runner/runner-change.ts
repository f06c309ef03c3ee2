import {
  nextState,
  RUNNER_TRANSITIONS,
  type MoveOf,
  type RunnerEventData,
  type RunnerEventType,
  type RunnerState,
} from "@signalbox/protocol";

import { UnitRefusal } from "../../errors.ts";
import type { RunnerRow } from "../../rows.ts";
import { get, run, type Statement } from "../../unit.ts";
import { appendEvents, type EventOrigin } from "../events.ts";

const SELECT_RUNNER = "SELECT * FROM runners WHERE id = ?";
const UPDATE_RUNNER = `UPDATE runners SET state = ?, capabilities = ?, labels = ?, metadata = ?, runtime_versions = ?, load = ?,
  last_heartbeat_at = ?, retired_at = ?, last_seq = ? WHERE id = ?`;

/** Loads a runner. With an org, a runner of another is as absent as one that never was. */
export function* loadRunner(runnerId: string, orgId?: string): Generator<Statement, RunnerRow, unknown> {
  const row = yield* get<RunnerRow>(SELECT_RUNNER, runnerId);
  if (!row || (orgId !== undefined && row.org_id !== orgId)) {
    throw new UnitRefusal("RUNNER_NOT_FOUND", `there is no runner ${runnerId}`, { runnerId });
  }
  return row;
}

/** Moves a runner along its table, or refuses. */
export function moveRunner(row: RunnerRow, move: MoveOf<typeof RUNNER_TRANSITIONS>): void {
  // Written only by this function and by registration, from states of the table.
  const to = nextState(RUNNER_TRANSITIONS, row.state as RunnerState, move);
  if (!to)
    throw new UnitRefusal("INVALID_STATE", `runner ${row.id} is ${row.state}; that leaves no way to ${move} it`, {
      state: row.state,
      move,
    });
  row.state = to;
}

/** Appends one event to a runner's stream. */
export function* recordRunner<Type extends RunnerEventType>(
  row: RunnerRow,
  type: Type,
  data: RunnerEventData<Type>,
  origin: EventOrigin,
): Generator<Statement, void, unknown> {
  row.last_seq = yield* appendEvents(row.id, row.last_seq, [{ type, data }], origin);
}

/** Writes a runner back. */
export function* saveRunner(row: RunnerRow): Generator<Statement, void, unknown> {
  yield* run(
    UPDATE_RUNNER,
    row.state,
    row.capabilities,
    row.labels,
    row.metadata,
    row.runtime_versions,
    row.load,
    row.last_heartbeat_at,
    row.retired_at,
    row.last_seq,
    row.id,
  );
}
