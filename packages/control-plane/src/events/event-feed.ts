import { FINAL_RUN_EVENTS, limit, type EventRecord } from "@signalbox/protocol";
import { readEvents, type SignalboxStore } from "@signalbox/store";

import { toEventRecord } from "./event-view.ts";
import { WakeUps } from "./wake-ups.ts";

interface Batch {
  readonly after: number;
  readonly events: readonly EventRecord[];
}

/**
 * Events of a stream from a cursor on, live. It keeps no queue for anybody: a reader that wakes reads the store.
 * Readers at the same cursor get the same array, so that a face can build its frame once for all of them.
 */
export class EventFeed {
  readonly #store: SignalboxStore;
  readonly #wakeUps = new WakeUps();
  readonly #latest = new Map<string, Promise<Batch>>();

  /** Readers that wait for more. */
  get readers(): number {
    return this.#wakeUps.size;
  }

  constructor(deps: { readonly store: SignalboxStore }) {
    this.#store = deps.store;
  }

  /** Tells that a stream has grown. */
  notify(stream: string): void {
    this.#latest.delete(stream);
    this.#wakeUps.wake(stream);
  }

  /** Ends all waiting, for a stop. */
  stop(): void {
    this.#wakeUps.wakeAll();
  }

  /** One batch after a cursor, of at most `reader.batchEvents`. */
  async read(stream: string, after: number, count = limit("reader.batchEvents")): Promise<readonly EventRecord[]> {
    const rows = await this.#store.view(() => readEvents(stream, after, Math.min(count, limit("reader.batchEvents"))));
    return rows.map(toEventRecord);
  }

  /** Batches after a cursor, as they come; ends after the batch that holds the stream's final event. */
  async *follow(stream: string, after: number, signal: AbortSignal): AsyncGenerator<readonly EventRecord[]> {
    let cursor = after;
    while (!signal.aborted) {
      const growth = this.#wakeUps.wait(stream, signal);
      const events = await this.#readShared(stream, cursor);
      const last = events.at(-1);
      if (last) {
        growth.leave();
        yield events;
        cursor = last.seq;
        if (FINAL_RUN_EVENTS.has(last.type)) return;
      } else {
        await growth.woken;
      }
    }
  }

  async #readShared(stream: string, after: number): Promise<readonly EventRecord[]> {
    const latest = await this.#latest.get(stream);
    if (latest && latest.after === after && latest.events.length > 0) return latest.events;
    const reading = this.read(stream, after).then((events) => ({ after, events }));
    this.#latest.set(stream, reading);
    const batch = await reading;
    if (this.#latest.get(stream) === reading) this.#latest.delete(stream);
    return batch.events;
  }
}
