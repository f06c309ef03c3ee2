import { CircuitOpenError } from "@signalbox/circuit-breaker";
import type { LimitLookup, Webhook } from "@signalbox/protocol";
import {
  readDueWebhooks,
  readFailedTries,
  type ClaimedDelivery,
  type SignalboxStore,
  type TryVerdict,
} from "@signalbox/store";

import type { Clock, Timer } from "../clock.ts";
import type { Logger } from "../logger.ts";
import { afterTry, isReceiverFailing } from "./after-try.ts";
import { findStep } from "./find-step.ts";
import type { Poster, PostResult } from "./post-message.ts";
import { Receivers } from "./receivers.ts";
import { signMessage } from "./sign-message.ts";
import { spellMessage } from "./spell-message.ts";
import type { WebhookSecrets } from "./webhook-secrets.ts";
import { noWebhookCounts, type WebhookCounts } from "./webhook-stats.ts";

export interface WebhookWorkerDeps {
  readonly store: SignalboxStore;
  readonly clock: Clock;
  /** In [0, 1); spreads tries. */
  readonly random: () => number;
  readonly limits: LimitLookup;
  readonly poster: Poster;
  readonly secrets: WebhookSecrets;
  readonly logger: Logger;
}

const USER_AGENT = "Signalbox-Webhook/1";
const TIDIED_AT_ONCE = 500;
/** A stop waits for posts under way for this share of the time that it has. */
const STOP_SHARE = 6;

/**
 * Tells receivers what was planned for them, at least once. What is due is claimed for a while, posted, and what came of it
 * recorded; when this process ends in between, the claim runs out and the same is posted again under the same id. It keeps
 * nothing but how the receivers are.
 */
export class WebhookWorker {
  readonly #deps: WebhookWorkerDeps;
  readonly #receivers: Receivers;
  readonly #counts = noWebhookCounts();
  readonly #stopped = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  #looking: Promise<void> | undefined;
  /** Whether it knows which receivers were failing before it began. */
  #knowsDoubts = false;
  #mustLookAgain = false;
  /** Whether no webhook is active: then nobody who wakes it costs anything. */
  #isIdle = false;
  #isStopping = false;
  #next: Timer | undefined;

  constructor(deps: WebhookWorkerDeps) {
    this.#deps = deps;
    this.#receivers = new Receivers(deps);
  }

  /** Tells that something may be due. */
  wake(): void {
    if (this.#isIdle || this.#isStopping) return;
    if (this.#looking) this.#mustLookAgain = true;
    else this.#looking = this.#lookAround();
  }

  /** Tells that there are other webhooks than before, or that one is another: what was known of its receiver is forgotten. */
  changed(webhookId?: string): void {
    if (webhookId !== undefined) this.#receivers.forget(webhookId);
    this.#isIdle = false;
    this.wake();
  }

  /** Whether a receiver is left alone for now. */
  breakerOf(webhookId: string): Webhook["breaker"] {
    return this.#receivers.stateOf(webhookId);
  }

  /** What became of tries and deliveries since this worker began. */
  get counts(): Readonly<WebhookCounts> {
    return this.#counts;
  }

  /** Gives up what is too old and forgets what is long over. */
  async tidy(): Promise<void> {
    const { store, clock, limits } = this.#deps;
    for (let touched = TIDIED_AT_ONCE; touched >= TIDIED_AT_ONCE && !this.#isStopping;) {
      const now = clock.now();
      const tidied = await store.run("tidyDeliveries", {
        now,
        giveUpBefore: now - limits("webhook.keepTryingMs"),
        forgetBefore: now - limits("webhook.logTtlMs"),
        count: TIDIED_AT_ONCE,
      });
      this.#counts.deliveries.failed += tidied.givenUp;
      touched = tidied.touched;
    }
  }

  /** Begins nothing more and waits for what is under way; what takes too long is cut off, and told again at the next start. */
  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#next?.cancel();
    await this.#looking;
    const { clock, limits } = this.#deps;
    const timer = clock.setTimer(limits("shutdown.ms") / STOP_SHARE, () => this.#stopped.abort());
    await Promise.all(this.#underWay);
    timer.cancel();
  }

  async #lookAround(): Promise<void> {
    try {
      do {
        this.#mustLookAgain = false;
        await this.#look();
      } while (this.#mustLookAgain && !this.#isStopping);
    } catch (error) {
      this.#deps.logger.warn({ err: error }, "deliveries to webhooks not looked at; trying again");
      this.#lookLater(this.#deps.limits("webhook.scanMs"));
    } finally {
      this.#looking = undefined;
    }
  }

  async #look(): Promise<void> {
    const { store, clock, limits } = this.#deps;
    if (!this.#knowsDoubts) await this.#readDoubts();
    const webhooks = await store.view(readDueWebhooks);
    this.#isIdle = webhooks.length === 0;
    if (this.#isIdle) return;
    const now = clock.now();
    const wanted = this.#choose(webhooks, now);
    if (wanted.length > 0) {
      const leaseUntil = now + limits("webhook.leaseMs");
      const { claimed, expired } = await store.run("claimDeliveries", { wanted, now, leaseUntil });
      this.#counts.deliveries.failed += expired;
      for (const delivery of claimed) this.#begin(delivery);
    }
    this.#lookLater(this.#waitFor(webhooks, now));
  }

  /** Breakers live in memory. How the last tries ended is stored, and says whom not to fall upon after a start. */
  async #readDoubts(): Promise<void> {
    for (const { webhook_id, last_status: status, last_error: error } of await this.#deps.store.view(readFailedTries)) {
      const result: PostResult = status === null ? { kind: "failed", error } : { kind: "answered", status };
      if (isReceiverFailing(result)) this.#receivers.doubt(webhook_id);
    }
    this.#knowsDoubts = true;
  }

  /** Whom to tell how much, within what each receiver and all together may be sent at once; who waits longest comes first. */
  #choose(webhooks: readonly { id: string; due_at: number | null }[], now: number) {
    let free = this.#deps.limits("webhook.concurrencyTotal") - this.#underWay.size;
    const due = webhooks.filter(({ due_at }) => due_at !== null && due_at <= now);
    const wanted: { webhookId: string; count: number }[] = [];
    for (const { id: webhookId } of due.toSorted((one, other) => (one.due_at ?? 0) - (other.due_at ?? 0))) {
      const count = Math.min(free, this.#receivers.roomOf(webhookId));
      if (count <= 0) continue;
      free -= count;
      wanted.push({ webhookId, count });
    }
    return wanted;
  }

  /** Until something that can be told is due. What becomes due by a commit elsewhere is found by looking now and then. */
  #waitFor(webhooks: readonly { id: string; due_at: number | null }[], now: number): number {
    const waits = webhooks.flatMap(({ id, due_at }) =>
      due_at === null || due_at <= now ? [] : [Math.max(due_at - now, this.#receivers.quietMsOf(id))],
    );
    return Math.min(this.#deps.limits("webhook.scanMs"), ...waits);
  }

  #lookLater(delayMs: number): void {
    this.#next?.cancel();
    if (this.#isStopping) return;
    this.#next = this.#deps.clock.setTimer(delayMs, () => this.wake());
  }

  #begin(delivery: ClaimedDelivery): void {
    const { id: webhookId } = delivery.webhook;
    this.#receivers.count(webhookId, 1);
    const work = this.#tell(delivery)
      .catch((error: unknown) => {
        // Its claim runs out, and it is tried again.
        this.#deps.logger.error({ err: error, delivery: delivery.row.id }, "a delivery to a webhook not carried out");
      })
      .finally(() => {
        this.#underWay.delete(work);
        this.#receivers.count(webhookId, -1);
        this.wake();
      });
    this.#underWay.add(work);
  }

  async #tell(delivery: ClaimedDelivery): Promise<void> {
    const { store, clock, random, limits, logger } = this.#deps;
    const { row, webhook } = delivery;
    const held = { deliveryId: row.id, attempt: row.attempts };
    const result = await this.#post(delivery);
    if (typeof result === "number") {
      await store.run("postponeDelivery", { ...held, dueAt: clock.now() + result });
      return;
    }
    const now = clock.now();
    const verdict = afterTry(result, { attempts: row.attempts, sinceMs: row.since, nowMs: now, random, limits });
    const isRecorded = await store.run("recordTry", { ...held, verdict, now });
    this.#count(verdict, isRecorded);
    if (verdict.kind === "given_up")
      logger.warn({ webhook: webhook.id, delivery: row.id, ...verdict }, "a delivery to a webhook was given up");
  }

  /** A try counts however late it ended; the end of a delivery only where it was this try that ended it. */
  #count(verdict: TryVerdict, isRecorded: boolean): void {
    const outcome = verdict.kind === "accepted" ? "accepted" : verdict.error;
    if (outcome !== "expired") this.#counts.tries[outcome] += 1;
    if (!isRecorded || verdict.kind === "retry") return;
    this.#counts.deliveries[verdict.kind === "accepted" ? "delivered" : "failed"] += 1;
  }

  /** What the post came to; or, where none was made or it was cut off, in how many milliseconds it may be made. */
  async #post(delivery: ClaimedDelivery): Promise<PostResult | number> {
    const { store, clock, limits, poster, secrets } = this.#deps;
    const { row, webhook } = delivery;
    const body = spellMessage(delivery, await findStep(store, delivery), limits("webhook.bodyBytes"));
    const nowMs = clock.now();
    const signed = signMessage({ id: row.id, body, nowMs, secrets: secrets.signing(webhook, nowMs) });
    const headers = { "content-type": "application/json", "user-agent": USER_AGENT, ...signed };
    const stop = this.#stopped.signal;
    try {
      return await this.#receivers.call(webhook.id, () => poster.post({ url: webhook.url, headers, body }, stop));
    } catch (error) {
      if (error instanceof CircuitOpenError) return this.#receivers.quietMsOf(webhook.id);
      if (stop.aborted) return 0;
      throw error;
    }
  }
}
