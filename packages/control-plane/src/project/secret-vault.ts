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
 * Secrets, sealed with AES-256-GCM under the installation's key. What a seal belongs to (of a project's:
 * org, project, scope, name, version) is authenticated with it, so that one row cannot stand in for another.
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
    const sealed = this.seal(nameOf({ ...where, name: secret.name, version }), secret.value);
    await this.#store.run("putSecret", { ...where, name: secret.name, version, sealed, now });
  }

  /** The secrets of one scope, for a step that may have them. */
  async open(orgId: string, projectId: string, scope: string): Promise<Secret[]> {
    const rows = await this.#store.view(() => readSecrets(orgId, projectId, scope));
    return rows.map((row) => ({ name: row.name, value: this.#unseal(row) }));
  }

  /** Seals a text under a name that no other secret has; only that name opens it. */
  seal(name: readonly (string | number)[], text: string): Uint8Array {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#key, nonce).setAAD(Buffer.from(JSON.stringify(name)));
    return Buffer.concat([nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
  }

  /** The text that was sealed under a name; throws when it was another name, or another key. */
  unseal(name: readonly (string | number)[], bytes: Uint8Array): string {
    const sealed = Buffer.from(bytes);
    const decipher = createDecipheriv(ALGORITHM, this.#key, sealed.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    })
      .setAAD(Buffer.from(JSON.stringify(name)))
      .setAuthTag(sealed.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]).toString(
      "utf8",
    );
  }

  #unseal(row: SecretRow): string {
    const { org_id: orgId, project_id: projectId, scope, name, version } = row;
    return this.unseal(nameOf({ orgId, projectId, scope, name, version }), row.sealed);
  }
}

function nameOf(where: {
  readonly orgId: string;
  readonly projectId: string;
  readonly scope: string;
  readonly name: string;
  readonly version: number;
}): readonly (string | number)[] {
  return [where.orgId, where.projectId, where.scope, where.name, where.version];
}
