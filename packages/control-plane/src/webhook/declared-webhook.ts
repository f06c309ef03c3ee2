import { CreateWebhookRequestSchema, DEFAULT_ORG, limit, SYSTEM_ACTOR, type IdSource } from "@signalbox/protocol";
import { readWebhooks, type SignalboxStore, type WebhookRow } from "@signalbox/store";

import { check } from "../answer.ts";
import type { Clock } from "../clock.ts";
import type { WebhookSecrets } from "./webhook-secrets.ts";

/** The webhook that the operator of a server asks for in its settings, for the default org. */
export interface DeclaredWebhook {
  readonly url: string;
  readonly secret: string;
  readonly events?: readonly string[] | undefined;
}

interface DeclaredWebhookDeps {
  readonly store: SignalboxStore;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly secrets: WebhookSecrets;
}

/** Makes, changes or ends the one webhook of the default org that comes from the settings, as these stand now. */
export async function alignDeclared(deps: DeclaredWebhookDeps, declared: DeclaredWebhook | undefined): Promise<void> {
  const { store, clock } = deps;
  const rows = await store.view(() => readWebhooks(DEFAULT_ORG));
  const row = rows.find(({ origin }) => origin === "environment");
  if (declared && row) await align(deps, row, declared);
  else if (declared) await make(deps, declared);
  else if (row) {
    const about = { webhookId: row.id, orgId: row.org_id, now: clock.now(), actor: SYSTEM_ACTOR };
    await store.run("deleteWebhook", about);
  }
}

async function make({ ids, secrets, clock, store }: DeclaredWebhookDeps, declared: DeclaredWebhook): Promise<void> {
  const { url, events, secret = "" } = check(CreateWebhookRequestSchema, declared);
  const [id, now] = [ids.next("webhook"), clock.now()];
  await store.run("createWebhook", {
    id,
    orgId: DEFAULT_ORG,
    url,
    events,
    origin: "environment",
    secret: secrets.seal({ orgId: DEFAULT_ORG, id }, now, secret),
    secretVersion: now,
    // What the operator asks for is not counted against what callers may have.
    maxWebhooks: limit("webhooks.perOrg") + 1,
    now,
    actor: SYSTEM_ACTOR,
  });
}

async function align(
  { secrets, clock, store }: DeclaredWebhookDeps,
  row: WebhookRow,
  declared: DeclaredWebhook,
): Promise<void> {
  const { url, events, secret = "" } = check(CreateWebhookRequestSchema, declared);
  const now = clock.now();
  const about = { webhookId: row.id, orgId: row.org_id, now, actor: SYSTEM_ACTOR };
  await store.run("updateWebhook", { ...about, url, events });
  if (secrets.present(row) === secret) return;
  await store.run("rotateWebhookSecret", {
    ...about,
    secret: secrets.seal({ orgId: row.org_id, id: row.id }, now, secret),
    secretVersion: now,
    previousUntil: now + limit("webhook.rotationMs"),
  });
}
