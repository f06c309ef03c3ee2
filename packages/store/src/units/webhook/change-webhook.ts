import { toTimestamp, type Actor } from "@signalbox/protocol";

import type { WebhookRow } from "../../rows.ts";
import type { Statement } from "../../unit.ts";
import { once, type Answer, type Idempotency } from "../idempotency.ts";
import type { KeptSecret } from "./create-webhook.ts";
import { loadWebhook, moveWebhook, recordWebhook, saveWebhook, setFilters } from "./webhook-change.ts";

interface WebhookArgs {
  readonly webhookId: string;
  readonly orgId: string;
  readonly now: number;
  readonly actor: Actor;
  readonly idempotency?: Idempotency | undefined;
}

export interface UpdateWebhookArgs extends WebhookArgs {
  readonly url?: string | undefined;
  readonly events?: readonly string[] | undefined;
  readonly active?: boolean | undefined;
}

/** Sends a webhook elsewhere, lets it tell of other events, or switches it on or off. What is as it was is no event. */
export function updateWebhook(
  args: UpdateWebhookArgs,
): Generator<Statement, Answer<{ readonly webhookId: string }>, unknown> {
  return once(args, update);
}

function* update(args: UpdateWebhookArgs): Generator<Statement, { webhookId: string }, unknown> {
  const { now, active } = args;
  const row = yield* loadWebhook(args.webhookId, args.orgId);
  const url = args.url ?? row.url;
  const events = args.events === undefined ? row.events : JSON.stringify(args.events);
  if (url !== row.url || events !== row.events) {
    Object.assign(row, { url, events } satisfies Partial<WebhookRow>);
    yield* setFilters(row);
    yield* recordWebhook(row, "webhook.changed", { url, events: JSON.parse(events) as string[] }, args);
  }
  if (active !== undefined && active !== (row.state === "active")) {
    yield* moveWebhook(row, active ? "enable" : "disable", now);
    row.disabled_reason = null;
    yield* recordWebhook(row, active ? "webhook.enabled" : "webhook.disabled", {}, args);
  }
  yield* saveWebhook(row, now);
  return { webhookId: row.id };
}

/** Switches a webhook off because of what its receiver said. One that is off already stays as it is. */
export function* disableWebhook(args: WebhookArgs & { readonly reason: string }): Generator<Statement, void, unknown> {
  const row = yield* loadWebhook(args.webhookId, args.orgId);
  if (row.state !== "active") return;
  yield* moveWebhook(row, "disable", args.now);
  row.disabled_reason = args.reason;
  yield* recordWebhook(row, "webhook.disabled", { reason: args.reason }, args);
  yield* saveWebhook(row, args.now);
}

const NOTHING = new Uint8Array();

/** Ends a webhook: nothing is posted any more, and nothing of its secrets is kept. What waited is removed by and by. */
export function deleteWebhook(
  args: WebhookArgs,
): Generator<Statement, Answer<{ readonly webhookId: string }>, unknown> {
  return once(args, remove);
}

function* remove(args: WebhookArgs): Generator<Statement, { webhookId: string }, unknown> {
  const row = yield* loadWebhook(args.webhookId, args.orgId);
  yield* moveWebhook(row, "delete", args.now);
  row.secret = NOTHING;
  row.previous_secret = row.previous_version = row.previous_until = null;
  yield* recordWebhook(row, "webhook.deleted", {}, args);
  yield* saveWebhook(row, args.now);
  return { webhookId: row.id };
}

export interface RotateWebhookSecretArgs extends WebhookArgs {
  readonly secret: Uint8Array;
  readonly secretVersion: number;
  /** Until when the secret before signs as well; null: no longer. */
  readonly previousUntil: number | null;
}

/** Another secret in place of the one before. */
export function rotateWebhookSecret(args: RotateWebhookSecretArgs): Generator<Statement, Answer<KeptSecret>, unknown> {
  return once(args, rotate);
}

function* rotate(args: RotateWebhookSecretArgs): Generator<Statement, KeptSecret, unknown> {
  const { previousUntil, secret, secretVersion } = args;
  const row = yield* loadWebhook(args.webhookId, args.orgId);
  row.previous_secret = previousUntil === null ? null : row.secret;
  row.previous_version = previousUntil === null ? null : row.secret_version;
  row.previous_until = previousUntil;
  row.secret = secret;
  row.secret_version = secretVersion;
  const data = previousUntil === null ? {} : { previousUntil: toTimestamp(previousUntil) };
  yield* recordWebhook(row, "webhook.secret_rotated", data, args);
  yield* saveWebhook(row, args.now);
  return { webhookId: row.id, secretVersion };
}
