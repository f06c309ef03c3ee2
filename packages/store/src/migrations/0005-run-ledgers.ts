/** What the agents of a run may use and have used together. Beside the run, because each word of theirs changes it. */
export const runLedgers = {
  id: 5,
  name: "run-ledgers",
  up: [`CREATE TABLE run_ledgers (run_id TEXT PRIMARY KEY, ledger TEXT NOT NULL) WITHOUT ROWID`],
} as const;
