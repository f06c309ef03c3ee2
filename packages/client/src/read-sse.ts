import type { Clock } from "./clock.ts";
import { ConnectionError } from "./errors.ts";
import { explainFailure } from "./explain-failure.ts";
import { SseParser, type SseMessage } from "./sse-parser.ts";

/** How a stream is read. */
export interface ReadSseOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  /** Silence after which the line counts as dead; the server's keep-alive comments are no silence. */
  readonly idleMs: number;
}

/**
 * The messages of an event stream, until it ends. A line that breaks or falls silent is a ConnectionError; an aborted
 * signal is thrown as its reason. Leaving the loop closes the connection.
 */
export async function* readSse(
  response: Response,
  options: ReadSseOptions,
): AsyncGenerator<SseMessage, void, undefined> {
  const reader = response.body?.getReader();
  if (!reader) return;
  const decoder = new TextDecoder();
  const parser = new SseParser();
  const silence = watchSilence(reader, options);
  try {
    for (;;) {
      const { done, value } = await silence.during(reader.read());
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    silence.stop();
    // The other side may be gone already; there is nothing left to tell it.
    await reader.cancel().catch(() => undefined);
  }
}

function watchSilence(reader: ReadableStreamDefaultReader<Uint8Array>, { url, clock, signal, idleMs }: ReadSseOptions) {
  let isSilent = false;
  const onAbort = () => void reader.cancel(signal?.reason).catch(() => undefined);
  signal?.addEventListener("abort", onAbort, { once: true });
  return {
    async during<T>(reading: Promise<T>): Promise<T> {
      const timer = clock.setTimer(idleMs, () => {
        isSilent = true;
        void reader.cancel().catch(() => undefined);
      });
      try {
        const result = await reading;
        signal?.throwIfAborted();
        if (isSilent) throw new ConnectionError(`nothing was heard for ${idleMs / 1_000} s`, url);
        return result;
      } catch (error) {
        signal?.throwIfAborted();
        throw explainFailure(error, url);
      } finally {
        timer.cancel();
      }
    },
    stop: () => signal?.removeEventListener("abort", onAbort),
  };
}
