import {
  CreateWebhookRequestSchema,
  limit,
  permits,
  RedeliverFailedRequestSchema,
  RotateWebhookSecretRequestSchema,
  UpdateWebhookRequestSchema,
  type ApiResponse,
  type CreateWebhookInput,
  type IdSource,
  type Redelivered,
  type RedeliverFailedRequest,
  type RotateWebhookSecretRequest,
  type UpdateWebhookRequest,
  type Webhook,
  type WebhookDelivery,
  type WebhookDeliveryDetails,
  type WebhookWithSecret,
} from "@signalbox/protocol";
import {
  readDeliveries,
  readDelivery,
  readWebhook,
  readWebhooks,
  type DeliveryRow,
  type SignalboxStore,
  type WebhookRow,
} from "@signalbox/store";

import { answer, check } from "../answer.ts";
import type { Clock } from "../clock.ts";
import { ControlPlaneError, NotFoundError } from "../errors.ts";
import { actorOf, idempotencyOf, LOCAL_CONTEXT, requireScope, type RequestContext } from "../request-context.ts";
import type { GuardRefusal } from "./address-guard.ts";
import { alignDeclared, type DeclaredWebhook } from "./declared-webhook.ts";
import { ListDeliveriesQuerySchema, type DeliveryPage, type ListDeliveriesQuery } from "./delivery-page.ts";
import { findMessage } from "./find-message.ts";
import { portOf } from "./open-connection.ts";
import type { Poster } from "./post-message.ts";
import { requiredScopes } from "./required-scopes.ts";
import { newWebhookSecret, type WebhookSecrets } from "./webhook-secrets.ts";
import { readWebhookStats, type WebhookStats } from "./webhook-stats.ts";
import { toDelivery, toWebhook } from "./webhook-view.ts";
import type { WebhookWorker } from "./webhook-worker.ts";

/** What a `WebhookHandler` works with. */
export interface WebhookHandlerDeps {
  readonly store: SignalboxStore;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly secrets: WebhookSecrets;
  readonly poster: Poster;
  readonly worker: WebhookWorker;
}

/** Webhooks: who is told of which events where, and what became of each. */
export class WebhookHandler {
  readonly #deps: WebhookHandlerDeps;

  constructor(deps: WebhookHandlerDeps) {
    this.#deps = deps;
  }

  /** Every webhook of an org, oldest first. */
  async listWebhooks(context: RequestContext = LOCAL_CONTEXT): Promise<ApiResponse<{ items: Webhook[] }>> {
    return answer(async () => {
      requireScope(context, "webhooks:read");
      const rows = await this.#deps.store.view(() => readWebhooks(context.principal.orgId));
      return { items: rows.map((row) => this.#view(row)) };
    });
  }

  async getWebhook(webhookId: string, context: RequestContext = LOCAL_CONTEXT): Promise<ApiResponse<Webhook>> {
    return answer(async () => {
      requireScope(context, "webhooks:read");
      return this.#view(await this.#require(webhookId, context));
    });
  }

  /** Lets a URL be told of events from now on. The answer holds the secret with which posts are signed, this once. */
  async createWebhook(
    request: CreateWebhookInput,
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<WebhookWithSecret>> {
    return answer(async () => {
      requireScope(context, "webhooks:write");
      const { url, events, secret = newWebhookSecret() } = check(CreateWebhookRequestSchema, request);
      for (const scope of requiredScopes(events)) requireScope(context, scope);
      await this.#requireAllowed(url);
      const { ids, secrets, clock, store } = this.#deps;
      const { orgId } = context.principal;
      const [id, now] = [ids.next("webhook"), clock.now()];
      const kept = await store.run("createWebhook", {
        id,
        orgId,
        url,
        events,
        origin: "api",
        secret: secrets.seal({ orgId, id }, now, secret),
        secretVersion: now,
        maxWebhooks: limit("webhooks.perOrg"),
        now,
        actor: actorOf(context),
        idempotency: idempotencyOf(context, now, limit("idempotency.ttlMs")),
      });
      this.#deps.worker.changed();
      return this.#show(kept, context);
    });
  }

  /** Sends a webhook elsewhere, lets it tell of other events, or switches it on or off. What is left out stays. */
  async updateWebhook(
    webhookId: string,
    request: UpdateWebhookRequest,
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<Webhook>> {
    return answer(async () => {
      requireScope(context, "webhooks:write");
      const change = check(UpdateWebhookRequestSchema, request);
      const row = await this.#require(webhookId, context);
      if (change.url !== undefined || change.events !== undefined) {
        refuseDeclared(row, "changed");
        for (const scope of requiredScopes(change.events ?? eventsOf(row))) requireScope(context, scope);
      }
      if (change.url !== undefined) await this.#requireAllowed(change.url);
      await this.#deps.store.run("updateWebhook", { ...this.#about(webhookId, context), ...change });
      this.#deps.worker.changed(webhookId);
      return this.#view(await this.#require(webhookId, context));
    });
  }

  /** Ends a webhook. Nothing is posted any more, and what waited is gone. */
  async deleteWebhook(webhookId: string, context: RequestContext = LOCAL_CONTEXT): Promise<ApiResponse<Webhook>> {
    return answer(async () => {
      requireScope(context, "webhooks:write");
      const row = await this.#require(webhookId, context);
      refuseDeclared(row, "deleted");
      await this.#deps.store.run("deleteWebhook", this.#about(webhookId, context));
      this.#deps.worker.changed(webhookId);
      return { ...this.#view(row), active: false };
    });
  }

  /** Gives a webhook another secret, shown this once; for a while posts are signed with the one before as well. */
  async rotateSecret(
    webhookId: string,
    request: RotateWebhookSecretRequest = {},
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<WebhookWithSecret>> {
    return answer(async () => {
      requireScope(context, "webhooks:write");
      const { secret = newWebhookSecret(), overlapMs = limit("webhook.rotationMs") } = check(
        RotateWebhookSecretRequestSchema,
        request,
      );
      refuseDeclared(await this.#require(webhookId, context), "given another secret");
      const about = this.#about(webhookId, context);
      const kept = await this.#deps.store.run("rotateWebhookSecret", {
        ...about,
        secret: this.#deps.secrets.seal({ orgId: about.orgId, id: webhookId }, about.now, secret),
        secretVersion: about.now,
        previousUntil: overlapMs === 0 ? null : about.now + overlapMs,
      });
      return this.#show(kept, context);
    });
  }

  /** Posts an event that is about nothing. What becomes of it shows its delivery. */
  async testWebhook(webhookId: string, context: RequestContext = LOCAL_CONTEXT): Promise<ApiResponse<WebhookDelivery>> {
    return answer(async () => {
      requireScope(context, "webhooks:write");
      const deliveryId = this.#deps.ids.next("delivery");
      const made = await this.#deps.store.run("testWebhook", { ...this.#about(webhookId, context), deliveryId });
      this.#deps.worker.wake();
      return toDelivery(await this.#requireDelivery(webhookId, made.deliveryId));
    });
  }

  /** What became of the events that a webhook asked for, newest first. */
  async listDeliveries(
    webhookId: string,
    query: ListDeliveriesQuery = {},
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<DeliveryPage>> {
    return answer(async () => {
      requireScope(context, "webhooks:read");
      const { state, limit: count, cursor } = check(ListDeliveriesQuerySchema, query);
      await this.#require(webhookId, context);
      const before = cursor === undefined ? undefined : await this.#requireDelivery(webhookId, cursor);
      const rows = await this.#deps.store.view(() => readDeliveries({ webhookId, state, before, limit: count + 1 }));
      const items = rows.slice(0, count).map(toDelivery);
      const last = items.at(-1);
      return { items, ...(rows.length > count && last ? { nextCursor: last.id } : {}) };
    });
  }

  /** What became of one event, and what is posted of it to whoever may read what it is about. */
  async getDelivery(
    webhookId: string,
    deliveryId: string,
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<WebhookDeliveryDetails>> {
    return answer(async () => {
      requireScope(context, "webhooks:read");
      await this.#require(webhookId, context);
      const row = await this.#requireDelivery(webhookId, deliveryId);
      const mayRead = requiredScopes([row.event_type]).every((scope) => permits(context.principal, scope));
      const message = mayRead ? await findMessage(this.#deps.store, row) : undefined;
      return { ...toDelivery(row), ...(message === undefined ? {} : { message }) };
    });
  }

  /** Sends a delivery that is over once more, under the same id. */
  async redeliver(
    webhookId: string,
    deliveryId: string,
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<WebhookDelivery>> {
    return answer(async () => {
      requireScope(context, "webhooks:write");
      await this.#deps.store.run("redeliver", { ...this.#about(webhookId, context), deliveryId });
      this.#deps.worker.wake();
      return toDelivery(await this.#requireDelivery(webhookId, deliveryId));
    });
  }

  /** Sends what was given up once more, oldest first, under the ids that it had; `webhook.redeliverCount` at once. */
  async redeliverFailed(
    webhookId: string,
    request: RedeliverFailedRequest = {},
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<Redelivered>> {
    return answer(async () => {
      requireScope(context, "webhooks:write");
      const { since } = check(RedeliverFailedRequestSchema, request);
      const { redelivered, remaining } = await this.#deps.store.run("redeliverFailed", {
        ...this.#about(webhookId, context),
        since: since === undefined ? 0 : Date.parse(since),
        count: limit("webhook.redeliverCount"),
      });
      this.#deps.worker.wake();
      return { redelivered, remaining };
    });
  }

  /** How webhooks stand, for metrics; `orgId` is whose breakers are told. */
  async readStats(orgId: string): Promise<WebhookStats> {
    return readWebhookStats(this.#deps, orgId);
  }

  /**
   * Sees to it that the default org has the webhook of the server's settings, and no other from there. Resolves to why nothing
   * can be posted to it as things are now: settings are not refused for what a name stands for today.
   */
  async declare(declared: DeclaredWebhook | undefined): Promise<GuardRefusal | undefined> {
    const { worker, poster } = this.#deps;
    await alignDeclared(this.#deps, declared);
    worker.changed();
    return declared && (await poster.refusalOf(declared.url));
  }

  #about(webhookId: string, context: RequestContext) {
    const now = this.#deps.clock.now();
    return {
      webhookId,
      orgId: context.principal.orgId,
      now,
      actor: actorOf(context),
      idempotency: idempotencyOf(context, now, limit("idempotency.ttlMs")),
    };
  }

  /** A repetition of the request that made a secret is shown it again, unless there is another by now. */
  async #show(
    kept: { readonly webhookId: string; readonly secretVersion: number },
    context: RequestContext,
  ): Promise<WebhookWithSecret> {
    const row = await this.#require(kept.webhookId, context);
    if (row.secret_version !== kept.secretVersion)
      throw new ControlPlaneError("INVALID_STATE", `webhook ${row.id} has been given another secret since`);
    return { ...this.#view(row), secret: this.#deps.secrets.present(row) };
  }

  async #requireAllowed(url: string): Promise<void> {
    const refusal = await this.#deps.poster.refusalOf(url);
    if (refusal === "address_refused")
      throw new ControlPlaneError(
        "ADDRESS_NOT_ALLOWED",
        `${url} leads into a network that this server does not post to; its operator can allow it with SIGNALBOX_WEBHOOK_NETWORKS`,
        { url },
      );
    if (refusal === "port_refused")
      throw new ControlPlaneError(
        "PORT_NOT_ALLOWED",
        `${url} leads to a port that this server does not post to; its operator can allow it with SIGNALBOX_WEBHOOK_PORTS, or in allowed networks alone with SIGNALBOX_WEBHOOK_NETWORK_PORTS`,
        { url, port: portOf(new URL(url)) },
      );
  }

  async #require(webhookId: string, context: RequestContext): Promise<WebhookRow> {
    const row = await this.#deps.store.view(() => readWebhook(webhookId, context.principal.orgId));
    if (!row) throw new NotFoundError("webhook", webhookId);
    return row;
  }

  async #requireDelivery(webhookId: string, deliveryId: string): Promise<DeliveryRow> {
    const row = await this.#deps.store.view(() => readDelivery(deliveryId, webhookId));
    if (!row) throw new NotFoundError("delivery", deliveryId);
    return row;
  }

  #view(row: WebhookRow): Webhook {
    return toWebhook(row, this.#deps.worker.breakerOf(row.id), this.#deps.clock.now());
  }
}

function eventsOf(row: WebhookRow): readonly string[] {
  return JSON.parse(row.events) as string[];
}

function refuseDeclared(row: WebhookRow, what: string): void {
  if (row.origin !== "environment") return;
  throw new ControlPlaneError(
    "INVALID_STATE",
    `webhook ${row.id} stands in the settings of the server; it is ${what} there`,
  );
}
