import { get, type Statement } from "../unit.ts";
import type { VerifyContext } from "./verify-store.ts";

const HOUR_MS = 3_600_000;
const STUCK_TRIES = 10;
const COUNT_ANSWERS = "SELECT COUNT(*) AS count FROM idempotency WHERE expires_at < ?";
const COUNT_OUTBOX = "SELECT COUNT(*) AS count FROM outbox WHERE tries >= ? OR due_at < ?";
const COUNT_TIMERS = "SELECT COUNT(*) AS count FROM timers WHERE due_at < ?";

/** What a server that is down, or busy, leaves behind: worth knowing, no problem. */
export function* verifyLeftovers({ findings, now }: VerifyContext): Generator<Statement, void, unknown> {
  const answers = yield* get<{ count: number }>(COUNT_ANSWERS, now - 24 * HOUR_MS);
  findings.note("expired_answers", answers?.count ?? 0, "idempotent answers expired more than a day ago");
  const items = yield* get<{ count: number }>(COUNT_OUTBOX, STUCK_TRIES, now - HOUR_MS);
  findings.note(
    "stuck_outbox",
    items?.count ?? 0,
    `events for the outside were tried ${STUCK_TRIES} times or are an hour late`,
  );
  const timers = yield* get<{ count: number }>(COUNT_TIMERS, now - HOUR_MS);
  findings.note("overdue_timers", timers?.count ?? 0, "timers should have fired more than an hour ago");
}
