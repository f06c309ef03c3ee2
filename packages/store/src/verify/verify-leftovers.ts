import { get, type Statement } from "../unit.ts";
import type { VerifyContext } from "./verify-store.ts";

const HOUR_MS = 3_600_000;
const COUNT_ANSWERS = "SELECT COUNT(*) AS count FROM idempotency WHERE expires_at < ?";
const COUNT_DELIVERIES = "SELECT COUNT(*) AS count FROM webhook_deliveries WHERE due_at < ?";
const COUNT_TIMERS = "SELECT COUNT(*) AS count FROM timers WHERE due_at < ?";

/** What a server that is down, or busy, leaves behind: worth knowing, no problem. */
export function* verifyLeftovers({ findings, now }: VerifyContext): Generator<Statement, void, unknown> {
  const answers = yield* get<{ count: number }>(COUNT_ANSWERS, now - 24 * HOUR_MS);
  findings.note("expired_answers", answers?.count ?? 0, "idempotent answers expired more than a day ago");
  const deliveries = yield* get<{ count: number }>(COUNT_DELIVERIES, now - HOUR_MS);
  findings.note(
    "late_deliveries",
    deliveries?.count ?? 0,
    "deliveries to webhooks should have been tried more than an hour ago",
  );
  const timers = yield* get<{ count: number }>(COUNT_TIMERS, now - HOUR_MS);
  findings.note("overdue_timers", timers?.count ?? 0, "timers should have fired more than an hour ago");
}
