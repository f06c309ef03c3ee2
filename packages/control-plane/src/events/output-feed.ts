import type { OutputChunk, OutputStream } from "@signalbox/protocol";
import { readOutput, type OutputSegmentRow, type SignalboxStore } from "@signalbox/store";

import { WakeUps } from "./wake-ups.ts";

const SEGMENTS_AT_ONCE = 16;

/** What a reader of output wants. */
export interface OutputQuery {
  readonly runId: string;
  readonly after: number;
  readonly follow: boolean;
  /** Whether a piece is wanted. */
  readonly wants: (chunk: OutputChunk) => boolean;
  /** Names of the run's steps, in order. */
  readonly stepNames: readonly string[];
  /** Whether more can still come. */
  readonly isOver: () => Promise<boolean>;
  readonly signal: AbortSignal;
}

/** Output of a run from a cursor on, in the order in which it was stored. */
export class OutputFeed {
  readonly #store: SignalboxStore;
  readonly #wakeUps = new WakeUps();
  #isStopped = false;

  /** Readers that wait for more. */
  get readers(): number {
    return this.#wakeUps.size;
  }

  constructor(deps: { readonly store: SignalboxStore }) {
    this.#store = deps.store;
  }

  /** Tells that a run has more output, or has ended. */
  notify(runId: string): void {
    this.#wakeUps.wake(runId);
  }

  /** Ends every reading, for a stop. */
  stop(): void {
    this.#isStopped = true;
    this.#wakeUps.wakeAll();
  }

  /** Pieces after a cursor; with `follow`, until the run is over and all has been told. */
  async *read(query: OutputQuery): AsyncGenerator<readonly OutputChunk[]> {
    let cursor = query.after;
    while (!query.signal.aborted && !this.#isStopped) {
      const growth = this.#wakeUps.wait(query.runId, query.signal);
      try {
        // Asked before the read: when the run was over by then, an empty read is the end.
        const isOver = !query.follow || (await query.isOver());
        const rows = await this.#store.view(() => readOutput(query.runId, cursor, SEGMENTS_AT_ONCE));
        const last = rows.at(-1);
        if (last) {
          growth.leave();
          cursor = last.seq;
          const wanted = rows.map((row) => toOutputChunk(row, query.stepNames)).filter(query.wants);
          if (wanted.length > 0) yield wanted;
        } else if (isOver) {
          return;
        } else {
          await growth.woken;
        }
      } finally {
        growth.leave();
      }
    }
  }
}

function toOutputChunk(row: OutputSegmentRow, stepNames: readonly string[]): OutputChunk {
  return {
    runId: row.run_id,
    seq: row.seq,
    step: stepNames[row.step_idx] ?? "",
    attemptId: row.attempt_id,
    stream: row.stream as OutputStream,
    offset: row.start,
    length: row.length,
    bytes: row.bytes,
    ...(row.gap === null ? {} : { gap: row.gap }),
  };
}
