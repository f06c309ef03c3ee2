import type { AgentEvent, AgentEventOf } from "../agent-event.ts";

/** How much may wait, and how fast it is read. */
export interface EventQueueLimits {
  readonly events: number;
  readonly bytes: number;
  /** Undefined, or resolves in the turn of the event loop in which the next may be read. */
  readonly whenTurn?: () => Promise<void> | undefined;
}

/**
 * Events on their way to their reader. It never refuses one: who fills it asks `whenRoom` before the next, and so holds
 * back the agent. A reader that leaves its loop loses nothing; the next goes on where it was.
 */
export class EventQueue implements AsyncIterable<AgentEvent> {
  readonly #limits: EventQueueLimits;
  #items: { readonly event: AgentEvent; readonly bytes: number }[] = [];
  #bytes = 0;
  #readers: ((result: IteratorResult<AgentEvent, undefined>) => void)[] = [];
  #fillers: (() => void)[] = [];
  #isEnded = false;
  #isShedding = false;

  constructor(limits: EventQueueLimits) {
    this.#limits = limits;
  }

  get isFull(): boolean {
    return this.#items.length >= this.#limits.events || this.#bytes >= this.#limits.bytes;
  }

  /** `bytes` is what the event weighs. After the end it is dropped. */
  push(event: AgentEvent, bytes = 0): void {
    if (this.#isEnded) return;
    const reader = this.#readers.shift();
    if (reader) return reader({ value: event, done: false });
    if (this.#isShedding && this.isFull && !VITAL.has(event.type)) return;
    if (event.type === "usage" && this.#replaceUsage(event, bytes)) return;
    this.#items.push({ event, bytes });
    this.#bytes += bytes;
  }

  /** Whether who fills it has to wait for its reader. */
  get isHolding(): boolean {
    return this.isFull && !this.#isShedding && !this.#isEnded;
  }

  /** Undefined when there is room; otherwise resolves when there is. */
  whenRoom(): Promise<void> | undefined {
    if (!this.isHolding) return undefined;
    return new Promise((resolve) => this.#fillers.push(resolve));
  }

  /** From now on nobody waits for room: what finds none is dropped, but for the events that end something. */
  shed(): void {
    this.#isShedding = true;
    this.#admit();
  }

  /** Nothing comes any more; what waits is still read. */
  end(): void {
    this.#isEnded = true;
    this.#admit();
    for (const reader of this.#readers.splice(0)) reader({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): AsyncIterator<AgentEvent, undefined> {
    return {
      next: () => this.#limits.whenTurn?.()?.then(() => this.#next()) ?? this.#next(),
      return: () => Promise.resolve({ value: undefined, done: true }),
    };
  }

  /** A total that waits is replaced by the one after it: an agent may count as often as it likes. */
  #replaceUsage(event: AgentEventOf<"usage">, bytes: number): boolean {
    const last = this.#items.at(-1);
    if (last?.event.type !== "usage") return false;
    this.#items[this.#items.length - 1] = { event: { ...last.event, ...event }, bytes };
    this.#bytes += bytes - last.bytes;
    return true;
  }

  #next(): Promise<IteratorResult<AgentEvent, undefined>> {
    const item = this.#items.shift();
    if (item) {
      this.#bytes -= item.bytes;
      if (!this.isFull) this.#admit();
      return Promise.resolve({ value: item.event, done: false });
    }
    if (this.#isEnded) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => this.#readers.push(resolve));
  }

  #admit(): void {
    for (const admit of this.#fillers.splice(0)) admit();
  }
}

const VITAL: ReadonlySet<AgentEvent["type"]> = new Set([
  "approval.resolved",
  "question.resolved",
  "tool.ended",
  "usage",
  "turn.ended",
  "process.exited",
]);
