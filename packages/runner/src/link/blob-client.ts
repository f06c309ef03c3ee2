import { RUNNER_PATHS } from "@signalbox/protocol";
import { Readable } from "node:stream";

import { LinkRequests, type LinkRequestsSettings, type RequestContent } from "./link-requests.ts";

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
  readonly #requests: LinkRequests;

  constructor(settings: LinkRequestsSettings) {
    this.#requests = new LinkRequests(settings);
  }

  /** There is a connection with this token. */
  connect(token: string): void {
    this.#requests.connect(token);
  }

  disconnect(): void {
    this.#requests.disconnect();
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

  #request(method: string, sha256: string, signal: AbortSignal, content?: () => RequestContent): Promise<Response> {
    return this.#requests.send(
      { method, path: `${RUNNER_PATHS.blobs}/${sha256}`, ...(content ? { content } : {}) },
      signal,
    );
  }
}
