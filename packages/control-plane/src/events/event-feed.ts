import { FINAL_RUN_EVENTS, FINAL_SESSION_EVENTS, limit, type EventRecord } from "@signalbox/protocol";
import { readEvents, type SignalboxStore } from "@signalbox/store";

import { toEventRecord } from "./event-view.ts";
import { WakeUps } from "./wake-ups.ts";

/** The events that end a stream, of whichever kind. */
const FINAL_EVENTS: ReadonlySet<string> = new Set([...FINAL_RUN_EVENTS, ...FINAL_SESSION_EVENTS]);

interface Reading {
  readonly after: number;
  readonly events: Promise<readonly EventRecord[]>;
}

/**
 * Events of a stream from a cursor on, live. It keeps no queue for anybody: a reader that wakes reads the store.
 * Readers at the same cursor get the same array, so that a face can build its frame once for all of them.
 */
export class EventFeed {
  readonly #store: SignalboxStore;
  readonly #wakeUps = new WakeUps();
  readonly #readings = new Map<string, Reading>();
  #isStopped = false;

  /** Readers that wait for more. */
  get readers(): number {
    return this.#wakeUps.size;
  }

  constructor(deps: { readonly store: SignalboxStore }) {
    this.#store = deps.store;
  }

  /** Tells that a stream has grown. */
  notify(stream: string): void {
    this.#readings.delete(stream);
    this.#wakeUps.wake(stream);
  }

  /** Ends every reading, for a stop. */
  stop(): void {
    this.#isStopped = true;
    this.#wakeUps.wakeAll();
  }

  /** One batch after a cursor, of at most `reader.batchEvents`. */
  async read(stream: string, after: number, count = limit("reader.batchEvents")): Promise<readonly EventRecord[]> {
    const rows = await this.#store.view(() => readEvents(stream, after, Math.min(count, limit("reader.batchEvents"))));
    return rows.map(toEventRecord);
  }

  /**
   * Batches after a cursor, as they come. Ends after the batch with the stream's final event as its last, and where a stream
   * that `isOver` has nothing after the cursor. Without `isOver` it goes on: of a session that is over something may be published.
   */
  async *follow(
    stream: string,
    after: number,
    { signal, isOver }: { readonly signal: AbortSignal; readonly isOver?: () => Promise<boolean> },
  ): AsyncGenerator<readonly EventRecord[]> {
    let cursor = after;
    let mayHaveEnded = true;
    // A cursor behind the final event finds what followed it, and no final event.
    let isCatchingUp = true;
    while (!signal.aborted && !this.#isStopped) {
      const growth = this.#wakeUps.wait(stream, signal);
      try {
        const events = await this.#readShared(stream, cursor);
        const last = events.at(-1);
        if (last) {
          growth.leave();
          yield events;
          cursor = last.seq;
          mayHaveEnded = isCatchingUp;
          if (isOver && FINAL_EVENTS.has(last.type)) return;
        } else {
          // Read once more, for what came between the read and the question.
          if (isOver && mayHaveEnded && (await isOver()) && (await this.read(stream, cursor, 1)).length === 0) return;
          isCatchingUp = false;
          await growth.woken;
          mayHaveEnded = true;
        }
      } finally {
        growth.leave();
      }
    }
  }

  async #readShared(stream: string, after: number): Promise<readonly EventRecord[]> {
    const shared = this.#readings.get(stream);
    const events = shared?.after === after ? await shared.events : [];
    // A reading that found nothing may have begun before this reader waited for more.
    return events.length > 0 ? events : this.#readAnew(stream, after);
  }

  async #readAnew(stream: string, after: number): Promise<readonly EventRecord[]> {
    const reading = { after, events: this.read(stream, after) };
    this.#readings.set(stream, reading);
    try {
      return await reading.events;
    } finally {
      if (this.#readings.get(stream) === reading) this.#readings.delete(stream);
    }
  }
}
