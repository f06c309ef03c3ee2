import { isFinal, RUN_TRANSITIONS, type ApiResponse } from "@signalbox/protocol";
import type { ControlPlane } from "@signalbox/control-plane";

import type { Call, Reply } from "../route.ts";

/** What is pushed to a reader. */
export interface Feed<Batch> {
  /** Where the reader goes on; 0 for the beginning. */
  readonly after: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The last event's number of what is followed, once it is over. Asked of readers that come back with a cursor. */
  readonly lastSeqIfOver: () => Promise<number | undefined>;
  /** Whether what is over has nothing after the cursor; absent where only asking shows it. */
  readonly hasAll?: (lastSeq: number) => boolean;
  /** Asks the handler; `signal` is aborted when the reader is gone. */
  follow(signal: AbortSignal): Promise<ApiResponse<AsyncIterable<Batch>>>;
  spell(batches: AsyncIterable<Batch>): AsyncIterable<string | Uint8Array>;
}

export const SSE_HEADERS = {
  "Content-Type": "text/event-stream; charset=utf-8",
  // Proxies that gather answers would hold events back.
  "X-Accel-Buffering": "no",
} as const;

/**
 * Pushes a feed to its reader until it ends. A reader that comes back and has everything already is answered
 * 204, which is how an EventSource learns not to come back again.
 */
export async function serveStream<Batch>(call: Call, feed: Feed<Batch>): Promise<Reply> {
  const stream = call.stream();
  try {
    const answer = await feed.follow(stream.signal);
    if (!answer.success) return answer;
    const batches = answer.data[Symbol.asyncIterator]();
    const lastSeq = feed.after > 0 ? await feed.lastSeqIfOver() : undefined;
    if (lastSeq !== undefined && feed.hasAll?.(lastSeq) === true) return nothingMore(call);
    const first = lastSeq !== undefined && !feed.hasAll ? await batches.next() : undefined;
    if (first?.done === true) return nothingMore(call);

    stream.open(200, { ...call.headers, ...feed.headers }, { hasComments: feed.headers === SSE_HEADERS });
    await stream.carry(feed.spell(continued(first, batches)));
    return { written: 200 };
  } finally {
    stream.close("done");
  }
}

/** The last event's number of the run that a call names, once the run is over. */
export async function lastSeqOfRun(call: Call, runs: ControlPlane["runs"]): Promise<number | undefined> {
  const details = await runs.getRun(call.param("id"), call.context);
  if (!details.success) return undefined;
  const { run } = details.data;
  return isFinal(RUN_TRANSITIONS, run.status) ? run.lastSeq : undefined;
}

function nothingMore({ headers }: Call): Response {
  return new Response(null, { status: 204, headers });
}

async function* continued<Batch>(
  first: IteratorResult<Batch> | undefined,
  batches: AsyncIterator<Batch>,
): AsyncGenerator<Batch, void, undefined> {
  if (first && first.done !== true) yield first.value;
  yield* { [Symbol.asyncIterator]: () => batches };
}
