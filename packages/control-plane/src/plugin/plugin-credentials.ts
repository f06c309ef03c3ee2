import { readPlugin, readPluginOfToken, type PluginRow, type SignalboxStore } from "@signalbox/store";

import { newSecretToken, readSecretToken } from "../access/secret-token.ts";
import type { Clock } from "../clock.ts";

/** What a bearer opens: the connection of one plugin. Whether the plugin may have one now says its row. */
export interface PluginCredential {
  readonly id: string;
  readonly plugin: PluginRow;
}

interface ProcessCredential {
  readonly orgId: string;
  readonly name: string;
  readonly hash: Buffer;
}

/** By what plugins are known: tokens that were issued for them, and what this server gives the processes that it starts. */
export class PluginCredentials {
  readonly #store: SignalboxStore;
  readonly #clock: Clock;
  /**
   * In memory only: a credential of a process ends with the server that started it, so that what a killed server has
   * left behind cannot come back beside its successor.
   */
  readonly #ofProcesses = new Map<string, ProcessCredential>();

  constructor(deps: { readonly store: SignalboxStore; readonly clock: Clock }) {
    this.#store = deps.store;
    this.#clock = deps.clock;
  }

  /** A credential for a process of this server; one that the plugin had before is forgotten. */
  issueForProcess(orgId: string, name: string): string {
    this.forgetProcess(orgId, name);
    const { id, text, hash } = newSecretToken("sbp");
    this.#ofProcesses.set(id, { orgId, name, hash });
    return text;
  }

  /** Ends the credential of a plugin's process. */
  forgetProcess(orgId: string, name: string): void {
    for (const [id, known] of this.#ofProcesses)
      if (known.orgId === orgId && known.name === name) this.#ofProcesses.delete(id);
  }

  /** Whose a bearer is; undefined for nobody's. Always asks the store: connections are rare, and revoked is revoked. */
  async authenticate(bearer: string): Promise<PluginCredential | undefined> {
    const token = readSecretToken("sbp", bearer);
    if (!token) return undefined;
    const known = await this.#lookUp(token.id);
    return known && token.isOf(known.hash) ? { id: token.id, plugin: known.plugin } : undefined;
  }

  /** Whether what opened a connection would open it now: the credential is good, and its plugin approved. */
  async isStillGood(credentialId: string): Promise<boolean> {
    return (await this.#lookUp(credentialId))?.plugin.state === "approved";
  }

  async #lookUp(id: string): Promise<{ readonly hash: Buffer; readonly plugin: PluginRow } | undefined> {
    const process = this.#ofProcesses.get(id);
    if (process) {
      const plugin = await this.#store.view(() => readPlugin(process.name, process.orgId));
      return plugin && { hash: process.hash, plugin };
    }
    const found = await this.#store.view(() => readPluginOfToken(id));
    if (!found || found.token.revoked_at !== null) return undefined;
    const { expires_at: expiresAt, hash } = found.token;
    if (expiresAt !== null && expiresAt <= this.#clock.now()) return undefined;
    return { hash: Buffer.from(hash, "hex"), plugin: found.plugin };
  }
}
