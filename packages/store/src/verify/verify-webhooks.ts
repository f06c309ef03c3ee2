import { foldWebhook, WEBHOOK_EVENTS, type WebhookEventType } from "@signalbox/protocol";

import type { WebhookRow } from "../rows.ts";
import { all, type Statement } from "../unit.ts";
import { readLog, type ReadEvent } from "./read-log.ts";
import type { Seen } from "./verify-orphans.ts";
import type { VerifyContext } from "./verify-store.ts";

const PAGE = 200;
const EXAMPLES = 20;
const SELECT_PAGE = "SELECT id, org_id, state, url, events, last_seq FROM webhooks WHERE id > ? ORDER BY id LIMIT ?";
const SELECT_FILTERS = "SELECT filter FROM webhook_filters WHERE org_id = ? AND webhook_id = ? ORDER BY filter";
const SELECT_HELD_UP = `SELECT DISTINCT waiting.webhook_id, waiting.lane FROM webhook_deliveries AS waiting
  JOIN webhooks ON webhooks.id = waiting.webhook_id AND webhooks.state = 'active'
  WHERE waiting.state = 'pending' AND NOT EXISTS (SELECT 1 FROM webhook_deliveries AS first WHERE first.webhook_id = waiting.webhook_id
    AND first.lane = waiting.lane AND first.state = 'pending' AND first.due_at IS NOT NULL) LIMIT ?`;

/** Every webhook: its log without holes, its row what its events lead to, its filters those it has, and nothing that waits held up for good. */
export function* verifyWebhooks({ findings }: VerifyContext, seen: Seen): Generator<Statement, void, unknown> {
  let after = "";
  for (;;) {
    const rows: WebhookRow[] = yield* all<WebhookRow>(SELECT_PAGE, after, PAGE);
    for (const row of rows) {
      const { id, last_seq: lastSeq } = row;
      const log: ReadEvent<WebhookEventType>[] = [];
      seen.events += yield* readLog({ stream: id, lastSeq, definitions: WEBHOOK_EVENTS }, findings, (event) =>
        log.push(event),
      );
      const folded = foldWebhook(log);
      for (const { seq, message } of folded.illegal) findings.problem("move", id, `event ${seq}: ${message}`);
      if (folded.state !== row.state)
        findings.problem("state", id, `the webhook is ${row.state}; its events say ${folded.state}`);
      if (folded.url !== row.url)
        findings.problem("state", id, `the webhook goes to ${row.url}; its events say ${folded.url}`);
      if (JSON.stringify(folded.events) !== row.events)
        findings.problem("state", id, `the webhook asks for ${row.events}; its events say otherwise`);
      yield* verifyFilters(row, findings);
    }
    seen.webhooks += rows.length;
    after = rows.at(-1)?.id ?? after;
    if (rows.length < PAGE) break;
  }
  for (const { webhook_id: id, lane } of yield* all<{ webhook_id: string; lane: string }>(SELECT_HELD_UP, EXAMPLES))
    findings.problem("state", id, `what waits to be told of ${lane} has no time at which it is told`);
}

function* verifyFilters(row: WebhookRow, findings: VerifyContext["findings"]): Generator<Statement, void, unknown> {
  const wanted = row.state === "active" ? [...new Set(JSON.parse(row.events) as string[])].sort() : [];
  const set = (yield* all<{ filter: string }>(SELECT_FILTERS, row.org_id, row.id)).map(({ filter }) => filter).sort();
  if (set.join() !== wanted.join())
    findings.problem(
      "state",
      row.id,
      `the webhook is told of ${set.join() || "nothing"}, not of ${wanted.join() || "nothing"}`,
    );
}
