import { limit, RUNNER_PATHS } from "@signalbox/protocol";

import { LinkRequests, type LinkRequestsSettings } from "./link-requests.ts";

/** The control plane does not give the record of a session. */
export class RecordError extends Error {
  override readonly name = "RecordError";
  readonly code = "record_refused";
  readonly status: number;

  constructor(status: number) {
    super(`the control plane does not give it (${status})`);
    this.status = status;
  }
}

/** Reads what the agents of a session said in the attempts before the one that this runner holds. */
export class RecordClient {
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

  /** The bytes of it, as they come: at most `session.recordBytes`, in `session.recordMs`. */
  async *read(
    { attemptId, epoch }: { readonly attemptId: string; readonly epoch: number },
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const path = `${RUNNER_PATHS.records}/${encodeURIComponent(attemptId)}?epoch=${epoch}`;
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(limit("session.recordMs"))]);
    const response = await this.#requests.send({ method: "GET", path }, inTime);
    if (!response.ok || !response.body) {
      await response.body?.cancel();
      throw new RecordError(response.status);
    }
    yield* response.body as AsyncIterable<Uint8Array>;
  }
}
