import { StoreBusyError, StoreClosedError } from "../errors.ts";
import type { UnitCall, UnitFailure } from "./group-executor.ts";
import type { WriterLimits } from "./limits.ts";
import { toText } from "./plain-data.ts";

/** A unit on its way to the writer. */
export interface QueuedUnit extends UnitCall {
  /** The arguments as JSON, in place of `args`, on the way to another thread. */
  readonly text?: string;
  /** About how many bytes the arguments hold. */
  readonly bytes: number;
}

/** What a writer says after a commit, about the units that have waited longest. */
export interface WriterAnswer {
  readonly results: readonly unknown[];
  readonly failures: readonly UnitFailure[];
}

export interface UnitQueueOptions {
  readonly limits: WriterLimits;
  /** Takes the units of one turn of the event loop to the writer, which answers in the same order. */
  readonly send: (units: QueuedUnit[]) => void;
  /** Whether the writer is in another thread, which arguments reach faster as text. Default false. */
  readonly isElsewhere?: boolean;
}

interface WaitingUnit {
  readonly bytes: number;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

// Kept from the start, so that a test that replaces the timers of the process does not stop the store.
const nextTurn = setImmediate;

/** The callers that wait for a commit, in the order of their calls. It gathers what one turn of the event loop brings. */
export class UnitQueue {
  readonly #limits: WriterLimits;
  readonly #send: (units: QueuedUnit[]) => void;
  readonly #isElsewhere: boolean;
  #outbox: QueuedUnit[] = [];
  #waiting: WaitingUnit[] = [];
  /** Where the first that waits stands in `#waiting`: shifting a long array for each answer would be slow. */
  #first = 0;
  #waitingBytes = 0;
  #closedBy: Error | undefined;
  #onDrained: (() => void) | undefined;

  constructor(options: UnitQueueOptions) {
    this.#limits = options.limits;
    this.#send = options.send;
    this.#isElsewhere = options.isElsewhere ?? false;
  }

  /** Takes a unit; settles as the writer answers. Refuses when too much waits or the queue is closed. */
  submit(name: string, args: unknown): Promise<unknown> {
    if (this.#closedBy) return Promise.reject(this.#closedBy);
    const text = this.#isElsewhere ? toText(args) : undefined;
    const bytes = text?.length ?? approximateBytes(args);
    if (this.#isFull(bytes)) return Promise.reject(this.#busy());
    if (this.#outbox.length === 0) nextTurn(() => this.#flush());
    this.#outbox.push(text === undefined ? { name, args, bytes } : { name, args: undefined, text, bytes });
    this.#waitingBytes += bytes;
    return new Promise((resolve, reject) => this.#waiting.push({ bytes, resolve, reject }));
  }

  /** Settles those who have waited longest. */
  settle(answer: WriterAnswer): void {
    const failures = answer.failures.values();
    let failure = failures.next().value;
    for (const [index, result] of answer.results.entries()) {
      const unit = this.#takeFirst();
      if (failure?.index === index) {
        unit.reject(failure.error);
        failure = failures.next().value;
      } else {
        unit.resolve(result);
      }
    }
    this.#tidy();
  }

  /** Takes no more units; resolves when those that wait are settled. */
  async close(): Promise<void> {
    this.#closedBy ??= new StoreClosedError("the store is closed");
    if (this.#size > 0) await new Promise<void>((resolve) => (this.#onDrained = resolve));
  }

  /** Rejects all that wait with `error`, and everything after that with a `StoreClosedError`. */
  fail(error: Error): void {
    this.#closedBy = new StoreClosedError(`the store has failed: ${error.message}`);
    this.#outbox = [];
    while (this.#size > 0) this.#takeFirst().reject(error);
    this.#tidy();
  }

  #flush(): void {
    const units = this.#outbox;
    this.#outbox = [];
    if (units.length > 0) this.#send(units);
  }

  get #size(): number {
    return this.#waiting.length - this.#first;
  }

  /** One unit is always taken, however large: otherwise it could never be. */
  #isFull(bytes: number): boolean {
    const { maxQueuedUnits, maxQueuedBytes } = this.#limits;
    return this.#size >= maxQueuedUnits || (this.#size > 0 && this.#waitingBytes + bytes > maxQueuedBytes);
  }

  #busy(): StoreBusyError {
    const details = { waitingUnits: this.#size, waitingBytes: this.#waitingBytes };
    return new StoreBusyError(`${this.#size} units (${this.#waitingBytes} bytes) wait to be stored already`, details);
  }

  #takeFirst(): WaitingUnit {
    const unit = this.#waiting[this.#first++];
    if (!unit) throw new Error("the writer answered more units than it was given");
    this.#waitingBytes -= unit.bytes;
    return unit;
  }

  #tidy(): void {
    if (this.#first * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = 0;
    }
    if (this.#size === 0) this.#onDrained?.();
  }
}

/** How deep a value is measured; what lies deeper counts as little. */
const MEASURED_DEPTH = 3;

/** About how many bytes a value holds: its texts and bytes, and a little for each part. Large things lie near the top. */
function approximateBytes(value: unknown, depth = MEASURED_DEPTH): number {
  if (typeof value === "string") return value.length + 8;
  if (typeof value !== "object" || value === null) return 8;
  if (ArrayBuffer.isView(value)) return value.byteLength + 8;
  if (depth === 0) return 64;
  let bytes = 16;
  for (const key in value) bytes += 8 + approximateBytes((value as Record<string, unknown>)[key], depth - 1);
  return bytes;
}
