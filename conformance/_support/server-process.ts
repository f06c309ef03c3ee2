import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { createClient, type Client, type ClientSettings } from "@signalbox/client";
import type { LimitOverrides } from "@signalbox/protocol";

import { Service } from "./service.ts";

const MAIN = join(import.meta.dirname, "../../apps/server/src/main.ts");

export interface ServerSettings {
  readonly dataDir: string;
  readonly port: number;
  readonly limits: LimitOverrides;
  readonly env?: Record<string, string>;
}

/** A request with headers as an object. */
export type PlainRequest = Omit<RequestInit, "headers"> & { readonly headers?: Record<string, string> };

/** The server app, on a port that stays the same. */
export class ServerProcess extends Service {
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;
  readonly #settings: ServerSettings;
  #token = "";

  constructor(settings: ServerSettings) {
    super();
    this.#settings = settings;
    this.port = settings.port;
    this.dataDir = settings.dataDir;
    this.url = `http://127.0.0.1:${settings.port}`;
  }

  /** The admin's token; there after the first start. */
  get token(): string {
    return this.#token;
  }

  get database(): string {
    return join(this.dataDir, "signalbox.db");
  }

  /** Starts it; resolves when it serves. */
  async start(): Promise<void> {
    this.launch();
    await this.says('"msg":"listening"');
    this.#token ||= await readFile(join(this.dataDir, "admin-token"), "utf8").then(
      (text) => text.trim(),
      () => "",
    );
  }

  /** Starts it and does not wait; under another program, where one is given. */
  launch(under: readonly string[] = []): void {
    const { port, dataDir, limits, env } = this.#settings;
    this.spawn([...under, process.execPath, MAIN], {
      HOME: dataDir,
      SIGNALBOX_HOST: "127.0.0.1",
      SIGNALBOX_PORT: String(port),
      SIGNALBOX_DATA_DIR: dataDir,
      SIGNALBOX_LIMITS: JSON.stringify(limits),
      ...env,
    });
  }

  /** A client with the admin's token. */
  client(settings: Partial<ClientSettings> = {}): Client {
    return createClient({ baseUrl: this.url, ...(this.#token === "" ? {} : { token: this.#token }), ...settings });
  }

  /** A plain request, with the admin's token unless its headers say otherwise. */
  fetch(path: string, init: PlainRequest = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${this.#token}`, ...init.headers },
    });
  }

  /** A plain POST of JSON. */
  post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    const all = { "content-type": "application/json", ...headers };
    return this.fetch(path, {
      method: "POST",
      headers: all,
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  }
}
