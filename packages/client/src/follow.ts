import { pause } from "./clock.ts";
import { isWorthAnotherTry, type ApiRequest, type Requester } from "./request.ts";
import { readSse } from "./read-sse.ts";
import type { SseMessage } from "./sse-parser.ts";

/** What the caller of a stream may say. */
export interface FollowOptions {
  /** The cursor: what comes after this number. Default 0, from the beginning. */
  readonly after?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told each time the line was lost, before it is made again. */
  readonly onReconnect?: ((lost: { readonly after: number; readonly error: unknown }) => void) | undefined;
  /** For how long to go on when the server cannot be reached, in milliseconds. Default 60 s. */
  readonly giveUpAfterMs?: number | undefined;
}

/** A numbered stream of the server, and what its messages mean. */
export interface Feed<Item> {
  readonly request: ApiRequest;
  /** What a message brings, given the cursor before it; undefined for one that brings nothing. */
  receive(message: SseMessage, after: number): Received<Item> | undefined;
  /** Asked when a connection ended in good order: whether nothing more can come. `isNew`: it had brought something. */
  isComplete(after: number, isNew: boolean): Promise<boolean>;
}

/** What one message brings: the cursor after it, and perhaps something to hand out. */
export interface Received<Item> {
  readonly items: readonly Item[];
  readonly after: number;
  /** Nothing comes after this one. */
  readonly isLast?: boolean;
}

const IDLE_MS = 45_000;
const GIVE_UP_AFTER_MS = 60_000;

/**
 * Everything that a feed brings, each once and in order, over as many connections as it takes: each begins after what
 * the one before brought. Ends with the last item; throws what a new try cannot mend, and the last failure when the
 * server stays away for too long.
 */
export async function* follow<Item>(
  requester: Requester,
  feed: Feed<Item>,
  options: FollowOptions,
): AsyncGenerator<Item, void, undefined> {
  const { signal } = options;
  const retry = retryState(requester, options);
  for (let after = options.after ?? 0; ;) {
    let isNew = false;
    try {
      for await (const received of connect(requester, feed, after, signal, retry.onOpen)) {
        after = received.after;
        isNew = true;
        retry.onProgress();
        yield* received.items;
        if (received.isLast === true) return;
      }
      if (await feed.isComplete(after, isNew)) return;
      await retry.wait(after);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof Error) || !isWorthAnotherTry(error)) throw error;
      await retry.wait(after, error);
    }
  }
}

async function* connect<Item>(
  requester: Requester,
  feed: Feed<Item>,
  from: number,
  signal: AbortSignal | undefined,
  onOpen: () => void,
): AsyncGenerator<Received<Item>, void, undefined> {
  const query = { ...feed.request.query, after: from };
  const response = await requester.open({ ...feed.request, query, accept: "text/event-stream", signal, retries: 0 });
  onOpen();
  // The server's word for a reader that has everything of a run that is over.
  if (response.status === 204) return yield { items: [], after: from, isLast: true };
  let after = from;
  for await (const message of readSse(response, {
    url: response.url,
    clock: requester.clock,
    signal,
    idleMs: IDLE_MS,
  })) {
    const received = feed.receive(message, after);
    if (!received) continue;
    after = received.after;
    yield received;
  }
}

/** Counts failures since the last progress, and since when the server cannot be reached at all. */
function retryState(requester: Requester, { signal, onReconnect, giveUpAfterMs = GIVE_UP_AFTER_MS }: FollowOptions) {
  let failures = 0;
  let awaySince: number | undefined;
  return {
    onOpen: () => (awaySince = undefined),
    onProgress: () => (failures = 0),
    async wait(after: number, error?: Error): Promise<void> {
      const now = requester.clock.now();
      awaySince ??= now;
      if (error !== undefined && now - awaySince >= giveUpAfterMs) throw error;
      onReconnect?.({ after, error });
      await pause(requester.clock, requester.delayAfter(failures++, error), signal);
    },
  };
}
