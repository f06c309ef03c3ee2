import type { Actor, WebhookOrigin } from "@signalbox/protocol";

import { UnitRefusal } from "../../errors.ts";
import type { WebhookRow } from "../../rows.ts";
import { get, run, type Statement } from "../../unit.ts";
import { once, type Answer, type Idempotency } from "../idempotency.ts";
import { recordWebhook, saveWebhook, setFilters } from "./webhook-change.ts";

export interface CreateWebhookArgs {
  readonly id: string;
  readonly orgId: string;
  readonly url: string;
  readonly events: readonly string[];
  readonly origin: WebhookOrigin;
  /** Sealed under its version. */
  readonly secret: Uint8Array;
  readonly secretVersion: number;
  readonly maxWebhooks: number;
  readonly now: number;
  readonly actor: Actor;
  readonly idempotency?: Idempotency | undefined;
}

/** Which webhook was touched, and the version of its secret then: what a repetition may be shown. */
export interface KeptSecret {
  readonly webhookId: string;
  readonly secretVersion: number;
}

const COUNT_WEBHOOKS = "SELECT COUNT(*) AS count FROM webhooks WHERE org_id = ? AND state <> 'deleted'";
const INSERT_WEBHOOK = `INSERT INTO webhooks (id, org_id, url, events, state, origin, secret, secret_version, created_at, created_by,
  updated_at, last_seq) VALUES (?, ?, ?, ?, 'active', ?, ?, ?, ?, ?, ?, 0)`;

/** Somebody wants to be told of events from now on. */
export function createWebhook(args: CreateWebhookArgs): Generator<Statement, Answer<KeptSecret>, unknown> {
  return once(args, create);
}

function* create(args: CreateWebhookArgs): Generator<Statement, KeptSecret, unknown> {
  const { id, orgId, url, origin, secret, secretVersion, maxWebhooks, now, actor } = args;
  const { count } = (yield* get<{ count: number }>(COUNT_WEBHOOKS, orgId)) ?? { count: 0 };
  if (count >= maxWebhooks) {
    throw new UnitRefusal("WEBHOOK_LIMIT_EXCEEDED", `org ${orgId} has ${count} webhooks; ${maxWebhooks} are allowed`, {
      limit: maxWebhooks,
    });
  }
  const events = JSON.stringify(args.events);
  const by = `${actor.kind}:${actor.id}`;
  yield* run(INSERT_WEBHOOK, id, orgId, url, events, origin, secret, secretVersion, now, by, now);
  const row: WebhookRow = {
    id,
    org_id: orgId,
    url,
    events,
    state: "active",
    disabled_reason: null,
    origin,
    secret,
    secret_version: secretVersion,
    previous_secret: null,
    previous_version: null,
    previous_until: null,
    created_at: now,
    created_by: by,
    updated_at: now,
    last_seq: 0,
  };
  yield* setFilters(row);
  yield* recordWebhook(row, "webhook.created", { url, events: [...args.events] }, args);
  yield* saveWebhook(row, now);
  return { webhookId: id, secretVersion };
}
