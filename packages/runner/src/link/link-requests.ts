import { setTimeout as sleep } from "node:timers/promises";

import { serverAddress } from "../identity/server-url.ts";
import { Backoff } from "./backoff.ts";

export interface LinkRequestsSettings {
  readonly server: URL;
  readonly random: () => number;
}

/** The body of a request, with its headers. */
export interface RequestContent {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array>;
}

/** What is asked of the control plane over HTTP. */
export interface LinkRequest {
  readonly method: string;
  readonly path: string;
  /** Made anew for each try. */
  readonly content?: () => RequestContent;
}

/**
 * The HTTP side of the link to the control plane. A request goes on trying, with jitter and with the token of the newest
 * connection, until it is answered with more than that it should be tried again, or its signal aborts.
 */
export class LinkRequests {
  readonly #server: URL;
  readonly #random: () => number;
  #token: string | undefined;
  #wake: (() => void)[] = [];

  constructor({ server, random }: LinkRequestsSettings) {
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

  async send({ method, path, content }: LinkRequest, signal: AbortSignal): Promise<Response> {
    const backoff = new Backoff({ random: this.#random });
    const address = serverAddress(this.#server, path);
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

/** 401 is the token of a connection that has just been replaced by a newer one. */
function isPassing(status: number): boolean {
  return status === 401 || status === 408 || status === 429 || status >= 500;
}

function retryAfterMs(response: Response | undefined): number {
  const seconds = Number(response?.headers.get("retry-after") ?? 0);
  return Number.isFinite(seconds) ? Math.max(0, seconds) * 1_000 : 0;
}
