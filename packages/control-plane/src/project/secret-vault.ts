import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

import { readSecrets, type SecretRow, type SignalboxStore } from "@signalbox/store";

const ALGORITHM = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** A secret as a step gets it. */
export interface Secret {
  readonly name: string;
  readonly value: string;
}

/**
 * Secrets of projects, sealed with AES-256-GCM under the installation's key. What a seal belongs to (org, project,
 * scope, name, version) is authenticated with it, so that one row cannot stand in for another.
 */
export class SecretVault {
  readonly #store: SignalboxStore;
  readonly #key: Uint8Array;

  /** The key has 32 bytes. Losing it loses the secrets, and nothing else. */
  constructor(deps: { readonly store: SignalboxStore; readonly key: Uint8Array }) {
    if (deps.key.length !== 32) throw new RangeError(`a vault's key has 32 bytes, not ${deps.key.length}`);
    this.#store = deps.store;
    this.#key = deps.key;
  }

  /** Seals and keeps a secret in place of the one of the same name. */
  async put(
    where: { readonly orgId: string; readonly projectId: string; readonly scope: string },
    secret: Secret,
    now: number,
  ): Promise<void> {
    const version = now;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#key, nonce).setAAD(
      associatedData({ ...where, name: secret.name, version }),
    );
    const sealed = Buffer.concat([nonce, cipher.update(secret.value, "utf8"), cipher.final(), cipher.getAuthTag()]);
    await this.#store.run("putSecret", { ...where, name: secret.name, version, sealed, now });
  }

  /** The secrets of one scope, for a step that may have them. */
  async open(orgId: string, projectId: string, scope: string): Promise<Secret[]> {
    const rows = await this.#store.view(() => readSecrets(orgId, projectId, scope));
    return rows.map((row) => ({ name: row.name, value: this.#unseal(row) }));
  }

  #unseal(row: SecretRow): string {
    const sealed = Buffer.from(row.sealed);
    const where = {
      orgId: row.org_id,
      projectId: row.project_id,
      scope: row.scope,
      name: row.name,
      version: row.version,
    };
    const decipher = createDecipheriv(ALGORITHM, this.#key, sealed.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    })
      .setAAD(associatedData(where))
      .setAuthTag(sealed.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]).toString(
      "utf8",
    );
  }
}

function associatedData(where: {
  orgId: string;
  projectId: string;
  scope: string;
  name: string;
  version: number;
}): Buffer {
  return Buffer.from(JSON.stringify([where.orgId, where.projectId, where.scope, where.name, where.version]));
}
