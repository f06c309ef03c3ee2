import { RUNNER_PATHS } from "@signalbox/protocol";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

import { serverAddress } from "../identity/server-url.ts";
import { Backoff } from "./backoff.ts";

/** A blob that the control plane does not take or does not have; a retry does not help. */
export class BlobError extends Error {
  override readonly name = "BlobError";
  readonly code = "blob_refused";
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

/** Content that can be opened as often as a transfer is tried. */
export interface BlobContent {
  readonly sha256: string;
  readonly bytes: number;
  readonly open: () => AsyncIterable<Uint8Array>;
}

/**
 * Moves content-addressed blobs to and from the control plane. Every call goes on trying, with jitter and with the token of
 * the newest connection, until it succeeds, is refused, or its signal aborts.
 */
export class BlobClient {
  readonly #server: URL;
  readonly #random: () => number;
  #token: string | undefined;
  #wake: (() => void)[] = [];

  constructor({ server, random }: { readonly server: URL; readonly random: () => number }) {
    this.#server = server;
    this.#random = random;
  }

  /** There is a connection with this token. */
  connect(token: string): void {
    this.#token = token;
    for (const wake of this.#wake.splice(0)) wake();
  }

  disconnect(): void {
    this.#token = undefined;
  }

  /** Whether the control plane has a blob. */
  async has(sha256: string, signal: AbortSignal): Promise<boolean> {
    const response = await this.#request("HEAD", sha256, signal);
    return response.ok;
  }

  /** Sends a blob; one that is there already is sent again for nothing, and no harm. */
  async put({ sha256, bytes, open }: BlobContent, signal: AbortSignal): Promise<void> {
    const response = await this.#request("PUT", sha256, signal, () => ({
      body: Readable.from(open(), { objectMode: false }),
      headers: { "content-length": String(bytes), "content-type": "application/octet-stream" },
    }));
    if (!response.ok)
      throw new BlobError(`the control plane refused a file of ${bytes} bytes (${response.status})`, response.status);
  }

  /** The bytes of a blob, as they come; whoever reads checks the hash. */
  async get(sha256: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const response = await this.#request("GET", sha256, signal);
    if (!response.ok || !response.body)
      throw new BlobError(`the control plane does not have blob ${sha256} (${response.status})`, response.status);
    return response.body as AsyncIterable<Uint8Array>;
  }

  async #request(method: string, sha256: string, signal: AbortSignal, content?: () => Content): Promise<Response> {
    const backoff = new Backoff({ random: this.#random });
    const address = `${serverAddress(this.#server, RUNNER_PATHS.blobs)}/${sha256}`;
    for (;;) {
      const token = await this.#connected(signal);
      const { headers, body } = content?.() ?? {};
      const response = await fetch(address, {
        method,
        headers: { ...headers, authorization: `Bearer ${token}` },
        ...(body === undefined ? {} : { body, duplex: "half" }),
        redirect: "error",
        signal,
      }).catch((error: unknown) => this.#unlessAborted(error, signal));
      if (response && !isPassing(response.status)) return response;
      await response?.body?.cancel();
      await sleep(backoff.next(retryAfterMs(response)), undefined, { signal });
    }
  }

  async #connected(signal: AbortSignal): Promise<string> {
    while (this.#token === undefined) {
      signal.throwIfAborted();
      const woken = Promise.withResolvers<void>();
      this.#wake.push(woken.resolve);
      signal.addEventListener("abort", () => woken.resolve(), { once: true });
      await woken.promise;
    }
    return this.#token;
  }

  /** The network may fail in many ways, and all of them may pass. */
  #unlessAborted(error: unknown, signal: AbortSignal): undefined {
    if (signal.aborted) throw error;
  }
}

interface Content {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array>;
}

/** 401 is the token of a connection that has just been replaced by a newer one. */
function isPassing(status: number): boolean {
  return status === 401 || status === 408 || status === 429 || status >= 500;
}

function retryAfterMs(response: Response | undefined): number {
  const seconds = Number(response?.headers.get("retry-after") ?? 0);
  return Number.isFinite(seconds) ? Math.max(0, seconds) * 1_000 : 0;
}
