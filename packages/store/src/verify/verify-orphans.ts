import { all, get, type Statement } from "../unit.ts";
import type { VerifyContext } from "./verify-store.ts";

/** How many rows of each table were met on the way through runs, runners, plugins, sessions and webhooks. */
export interface Seen {
  runs: number;
  runners: number;
  plugins: number;
  sessions: number;
  webhooks: number;
  events: number;
  plans: number;
  ledgers: number;
  gates: number;
  artifacts: number;
  segments: number;
  streams: number;
}

const TABLES = {
  plans: {
    count: "SELECT COUNT(*) AS count FROM plans",
    owner: "SELECT run_id AS id FROM plans WHERE run_id NOT IN (SELECT id FROM runs) LIMIT ?",
  },
  events: {
    count: "SELECT COUNT(*) AS count FROM events",
    owner:
      "SELECT DISTINCT stream AS id FROM events WHERE stream NOT IN (SELECT id FROM runs) AND stream NOT IN (SELECT id FROM runners) AND stream NOT IN (SELECT id FROM plugins) AND stream NOT IN (SELECT id FROM sessions) AND stream NOT IN (SELECT id FROM webhooks) LIMIT ?",
  },
  gates: {
    count: "SELECT COUNT(*) AS count FROM gates",
    owner: "SELECT id FROM gates WHERE run_id NOT IN (SELECT id FROM runs) LIMIT ?",
  },
  ledgers: {
    count: "SELECT COUNT(*) AS count FROM run_ledgers",
    owner: "SELECT run_id AS id FROM run_ledgers WHERE run_id NOT IN (SELECT id FROM runs) LIMIT ?",
  },
  artifacts: {
    count: "SELECT COUNT(*) AS count FROM artifacts",
    owner: "SELECT id FROM artifacts WHERE run_id NOT IN (SELECT id FROM runs) LIMIT ?",
  },
  segments: {
    count: "SELECT COUNT(*) AS count FROM output_segments",
    owner: "SELECT DISTINCT run_id AS id FROM output_segments WHERE run_id NOT IN (SELECT id FROM runs) LIMIT ?",
  },
  streams: {
    count: "SELECT COUNT(*) AS count FROM output_streams",
    owner:
      "SELECT attempt_id AS id FROM output_streams WHERE attempt_id NOT IN (SELECT attempt_id FROM output_segments) LIMIT ?",
  },
} as const;
const EXAMPLES = 20;
const SELECT_TOKENS =
  "SELECT id, plugin_id FROM tokens WHERE plugin_id IS NOT NULL AND plugin_id NOT IN (SELECT id FROM plugins) LIMIT ?";
const SELECT_TIMERS = "SELECT id FROM timers WHERE run_id NOT IN (SELECT id FROM runs) LIMIT ?";

/** Rows that belong to nothing: those that were not met on the way, by count first, by name where the counts differ. */
export function* verifyOrphans({ findings }: VerifyContext, seen: Seen): Generator<Statement, void, unknown> {
  for (const [table, sql] of Object.entries(TABLES)) {
    const { count } = (yield* get<{ count: number }>(sql.count)) ?? { count: 0 };
    const met = seen[table as keyof typeof TABLES];
    if (count === met) continue;
    const examples = yield* all<{ id: string }>(sql.owner, EXAMPLES);
    const names = examples.map(({ id }) => id).join(", ");
    findings.problem(
      "orphan",
      examples[0]?.id ?? "",
      `${count - met} of ${count} ${table} belong to no run, runner, plugin, session or webhook: ${names}`,
    );
  }
  for (const { id, plugin_id: owner } of yield* all<{ id: string; plugin_id: string }>(SELECT_TOKENS, EXAMPLES)) {
    findings.problem("orphan", owner, `token ${id} is of a plugin that is not there`);
  }
  for (const { id } of yield* all<{ id: string }>(SELECT_TIMERS, EXAMPLES)) {
    findings.problem("timer", id, `timer ${id} is of a run that is not there`);
  }
}
