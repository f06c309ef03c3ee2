import { randomBytes } from "node:crypto";

import { SECRET_PREFIX } from "@signalbox/protocol";
import type { WebhookRow } from "@signalbox/store";

import type { SecretVault } from "../project/secret-vault.ts";

const KEY_BYTES = 32;

/** A secret that nobody can guess. */
export function newWebhookSecret(): string {
  return `${SECRET_PREFIX}${randomBytes(KEY_BYTES).toString("base64")}`;
}

/** The secrets of webhooks, as they are stored: sealed, each for its webhook and version alone. */
export class WebhookSecrets {
  readonly #vault: SecretVault;

  constructor(vault: SecretVault) {
    this.#vault = vault;
  }

  seal(webhook: { readonly orgId: string; readonly id: string }, version: number, secret: string): Uint8Array {
    return this.#vault.seal(nameOf(webhook.orgId, webhook.id, version), secret);
  }

  /** The secret that signs. */
  present(row: WebhookRow): string {
    return this.#vault.unseal(nameOf(row.org_id, row.id, row.secret_version), row.secret);
  }

  /** All secrets that sign now: the present one, and the one before while its time is not over. */
  signing(row: WebhookRow, now: number): string[] {
    const { previous_secret: before, previous_version: version, previous_until: until } = row;
    if (before === null || version === null || until === null || until <= now) return [this.present(row)];
    return [this.present(row), this.#vault.unseal(nameOf(row.org_id, row.id, version), before)];
  }
}

function nameOf(orgId: string, webhookId: string, version: number): readonly (string | number)[] {
  return ["webhook", orgId, webhookId, version];
}
