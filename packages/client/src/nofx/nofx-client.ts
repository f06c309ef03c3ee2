import { EventSource } from "./event-source.ts";
import type { CreateRunOptions, Event, ListRunsOptions, Run, RunDetails } from "./types.ts";
import { parseJson } from "../parse-json.ts";

const FINAL_EVENTS: ReadonlySet<string> = new Set(["run.succeeded", "run.failed", "run.cancelled"]);
const MOST_RECONNECTS = 10;

/** The server answered with something other than 2xx; `message` is `API error: <status>`. */
export class NOFXError extends Error {
  override readonly name = "NOFXError";
  readonly status: number;
  /** What the server said, where it was JSON. */
  readonly body: unknown;

  constructor(status: number, body: unknown) {
    super(`API error: ${status}`);
    this.status = status;
    this.body = body;
  }
}

/**
 * The client of the NOFX guide, and a little more: streams send the API key and reconnect without losing or repeating
 * events, and it brings its own EventSource, so that it runs on plain Node.
 */
export class NOFXClient {
  readonly #baseUrl: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(baseUrl = "http://localhost:3000", apiKey?: string) {
    this.#baseUrl = baseUrl.replace(/\/+$/, "");
    this.#headers = {
      "Content-Type": "application/json",
      ...(apiKey ? { Authorization: `Bearer ${apiKey}` } : {}),
    };
  }

  /** Makes a run. With `idempotencyKey`, the same call again answers with the same run. */
  async createRun(options: CreateRunOptions, extra: { idempotencyKey?: string } = {}): Promise<Run> {
    const headers = extra.idempotencyKey === undefined ? {} : { "Idempotency-Key": extra.idempotencyKey };
    return (await this.#post("/runs", options, headers)) as Run;
  }

  async getRun(runId: string): Promise<RunDetails> {
    return (await this.#send(`/runs/${encodeURIComponent(runId)}`)) as RunDetails;
  }

  async listRuns(options?: ListRunsOptions): Promise<{ runs: Run[] }> {
    const params = new URLSearchParams();
    if (options?.limit) params.append("limit", options.limit.toString());
    if (options?.projectId) params.append("projectId", options.projectId);
    return (await this.#send(`/runs?${params.toString()}`)) as { runs: Run[] };
  }

  /** Hands every event of a run to `onEvent`: those so far, then those to come. Close what it returns. */
  streamEvents(runId: string, onEvent: (event: Event) => void): EventSource {
    const stream = new EventSource(`${this.#baseUrl}/runs/${encodeURIComponent(runId)}/stream`, {
      headers: this.#headers,
    });
    const handAll = ({ data }: MessageEvent) => {
      for (const event of JSON.parse(data) as Event[]) onEvent(event);
    };
    stream.addEventListener("init", handAll);
    stream.addEventListener("append", handAll);
    return stream;
  }

  /** Says yes at a gate; with `contentHash`, only if the gate still asks what was seen. */
  async approveGate(gateId: string, note?: string, contentHash?: string): Promise<void> {
    await this.#post(`/gates/${encodeURIComponent(gateId)}/approve`, { note, contentHash });
  }

  /** Says no at a gate. */
  async rejectGate(gateId: string, note?: string, contentHash?: string): Promise<void> {
    await this.#post(`/gates/${encodeURIComponent(gateId)}/reject`, { note, contentHash });
  }

  /** Asks for a run to be cancelled. */
  async cancelRun(runId: string, reason?: string): Promise<void> {
    await this.#post(`/runs/${encodeURIComponent(runId)}/cancel`, { reason });
  }

  /**
   * Resolves with the run once it has ended, whatever its end was. Rejects where the server cannot be reached at
   * first, refuses, or stays away after the stream was lost.
   */
  async waitForCompletion(runId: string, onProgress?: (event: Event) => void): Promise<RunDetails> {
    await this.#untilEnded(runId, onProgress);
    return await this.getRun(runId);
  }

  #untilEnded(runId: string, onProgress?: (event: Event) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      let hasOpened = false;
      let failures = 0;
      const end = (settle: () => void) => {
        stream.close();
        settle();
      };
      const stream = this.streamEvents(runId, (event) => {
        try {
          onProgress?.(event);
        } catch (error) {
          return end(() => reject(error as Error));
        }
        if (FINAL_EVENTS.has(event.event_type)) end(resolve);
      });
      stream.onopen = () => {
        hasOpened = true;
        failures = 0;
      };
      stream.onerror = ({ message, status }) => {
        const isFinal = stream.readyState === EventSource.CLOSED;
        if (!isFinal && hasOpened && ++failures <= MOST_RECONNECTS) return;
        end(() => reject(status === undefined ? new Error(message) : new NOFXError(status, undefined)));
      };
    });
  }

  async #post(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<unknown> {
    return await this.#send(path, { method: "POST", body: JSON.stringify(body), headers });
  }

  async #send(
    path: string,
    init: { method?: string; body?: string; headers?: Readonly<Record<string, string>> } = {},
  ): Promise<unknown> {
    const response = await fetch(`${this.#baseUrl}${path}`, {
      ...init,
      headers: { ...this.#headers, ...init.headers },
    });
    const text = await response.text();
    if (!response.ok) throw new NOFXError(response.status, parseJson(text));
    return parseJson(text);
  }
}
