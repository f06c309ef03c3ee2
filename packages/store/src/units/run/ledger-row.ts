import type { LedgerRow } from "../../rows.ts";
import { get, run, type Statement } from "../../unit.ts";
import type { RunLedger } from "./run-ledger.ts";

const SELECT_LEDGER = "SELECT ledger FROM run_ledgers WHERE run_id = ?";
const SAVE_LEDGER =
  "INSERT INTO run_ledgers (run_id, ledger) VALUES (?, ?) ON CONFLICT (run_id) DO UPDATE SET ledger = excluded.ledger";

/** What the agents of a run may use and have used; undefined until the first of them is leased. */
export function* loadLedger(runId: string): Generator<Statement, RunLedger | undefined, unknown> {
  const row = yield* get<LedgerRow>(SELECT_LEDGER, runId);
  return row && (JSON.parse(row.ledger) as RunLedger);
}

/** Writes a ledger. */
export function* saveLedger(runId: string, ledger: RunLedger): Generator<Statement, void, unknown> {
  yield* run(SAVE_LEDGER, runId, JSON.stringify(ledger));
}
