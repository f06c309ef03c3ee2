import { SseParser, type SseMessage } from "../sse-parser.ts";

/** How an `EventSource` connects. */
export interface EventSourceOptions {
  /** Sent with each connection; a browser's own EventSource can send none. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly fetch?: typeof globalThis.fetch;
  /** Before the second try of a connection, in milliseconds; doubled up to 10 s. Default 500, or what the server says. */
  readonly reconnectMs?: number;
}

type Handler<E extends Event> = ((event: E) => unknown) | null;

const LONGEST_PAUSE_MS = 10_000;
const BUSY: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/**
 * The `EventSource` of browsers, for any program with `fetch`: named events, `Last-Event-ID`, reconnecting. An `error`
 * event with `readyState` CONNECTING means that another try follows; with CLOSED it is final.
 */
export class EventSource extends EventTarget {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSED = 2;
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSED = 2;
  readonly url: string;
  readonly withCredentials = false;
  onopen: Handler<Event> = null;
  onmessage: Handler<MessageEvent> = null;
  onerror: Handler<StreamErrorEvent> = null;
  #readyState: 0 | 1 | 2 = 0;
  #lastEventId = "";
  #failures = 0;
  #reconnectMs: number;
  readonly #closing = new AbortController();
  readonly #options: EventSourceOptions;

  constructor(url: string | URL, options: EventSourceOptions = {}) {
    super();
    this.url = String(url);
    this.#options = options;
    this.#reconnectMs = options.reconnectMs ?? 500;
    // Listeners are added after construction, so the first word must not come before.
    queueMicrotask(() => void this.#run());
  }

  get readyState(): 0 | 1 | 2 {
    return this.#readyState;
  }

  override addEventListener(
    type: string,
    listener: ((event: MessageEvent) => unknown) | { handleEvent(event: Event): void } | null,
    options?: boolean | { once?: boolean; passive?: boolean; capture?: boolean; signal?: AbortSignal },
  ): void {
    super.addEventListener(type, listener as Parameters<EventTarget["addEventListener"]>[1], options);
  }

  /** Ends the connection for good; no event follows. */
  close(): void {
    this.#readyState = 2;
    this.#closing.abort();
  }

  async #run(): Promise<void> {
    while (this.#readyState !== 2) {
      const failure = await this.#connect();
      if (this.#isClosed()) return;
      this.#readyState = failure.isFinal ? 2 : 0;
      this.#tell(new StreamErrorEvent(failure.message, failure.status));
      if (!this.#isClosed()) await this.#pause();
    }
  }

  /** Reads one connection to its end, and says why it ended. */
  async #connect(): Promise<ConnectionEnd> {
    const { fetch = globalThis.fetch, headers } = this.#options;
    const resume = this.#lastEventId === "" ? {} : { "last-event-id": this.#lastEventId };
    try {
      const response = await fetch(this.url, {
        headers: { ...headers, ...resume, accept: "text/event-stream" },
        signal: this.#closing.signal,
        cache: "no-store",
      });
      const refused = refusalOf(response);
      if (refused) {
        await response.body?.cancel();
        return refused;
      }
      this.#readyState = 1;
      this.#failures = 0;
      this.#tell(new Event("open"));
      await this.#read(response);
      return { message: "the server ended the stream", status: undefined, isFinal: false };
    } catch (error) {
      return { message: messageOf(error), status: undefined, isFinal: false };
    }
  }

  async #read(response: Response): Promise<void> {
    const parser = new SseParser();
    const decoder = new TextDecoder();
    try {
      for await (const piece of response.body ?? []) {
        for (const message of parser.push(decoder.decode(piece, { stream: true }))) this.#hand(message);
        if (this.#isClosed()) return;
      }
    } finally {
      this.#reconnectMs = parser.retryMs ?? this.#reconnectMs;
    }
  }

  #hand({ event, data, id }: SseMessage): void {
    if (this.#isClosed()) return;
    this.#lastEventId = id || this.#lastEventId;
    this.#tell(new MessageEvent(event, { data, lastEventId: this.#lastEventId, origin: new URL(this.url).origin }));
  }

  #tell(event: Event): void {
    this.dispatchEvent(event);
    if (event.type === "open") this.onopen?.(event);
    else if (event.type === "message") this.onmessage?.(event as MessageEvent);
    else if (event.type === "error") this.onerror?.(event as StreamErrorEvent);
  }

  #pause(): Promise<void> {
    const pauseMs = Math.min(LONGEST_PAUSE_MS, this.#reconnectMs * 2 ** this.#failures++);
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, pauseMs * (0.5 + Math.random() / 2));
      this.#closing.signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
    });
  }

  #isClosed(): boolean {
    return this.#readyState === 2;
  }
}

/** Why a stream was lost. `status` is there when the server answered with something that is no stream. */
export class StreamErrorEvent extends Event {
  readonly message: string;
  readonly status: number | undefined;

  constructor(message: string, status: number | undefined) {
    super("error");
    this.message = message;
    this.status = status;
  }
}

interface ConnectionEnd {
  readonly message: string;
  readonly status: number | undefined;
  readonly isFinal: boolean;
}

function refusalOf(response: Response): ConnectionEnd | undefined {
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
  if (response.status === 200 && isStream) return undefined;
  return { message: `API error: ${response.status}`, status: response.status, isFinal: !BUSY.has(response.status) };
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
