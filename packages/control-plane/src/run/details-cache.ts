import type { RunDetails } from "@signalbox/protocol";

interface Kept {
  readonly lastSeq: number;
  readonly details: RunDetails;
}

const KEPT_RUNS = 1_000;

/**
 * Views of runs that were asked for lately. A view is given again only while the number of the run's last event is the
 * same, and is forgotten when the run changes: not every change is an event, as when the wait of a step is over.
 */
export class DetailsCache {
  readonly #kept = new Map<string, Kept>();

  /** The view of a run at a version, if it is kept. */
  get(runId: string, lastSeq: number): RunDetails | undefined {
    const kept = this.#kept.get(runId);
    return kept?.lastSeq === lastSeq ? kept.details : undefined;
  }

  /** Drops the view of a run that has changed. */
  forget(runId: string): void {
    this.#kept.delete(runId);
  }

  /** Keeps a view, which cannot be changed from then on; the one that was made longest ago makes room. */
  put(details: RunDetails): void {
    const { id, lastSeq } = freeze(details).run;
    this.#kept.delete(id);
    this.#kept.set(id, { lastSeq, details });
    if (this.#kept.size <= KEPT_RUNS) return;
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined) this.#kept.delete(oldest);
  }
}

/** One caller's change must not become another's answer. */
function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const part of Object.values(value)) freeze(part);
  return Object.freeze(value);
}
