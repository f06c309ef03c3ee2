import type { Clock, Timer } from "./clock.ts";

/** Something that ends by itself after a while. The fields belong to `Deadlines`. */
export interface Expiring {
  dueMs: number;
  earlier: Expiring | undefined;
  later: Expiring | undefined;
  queue: DeadlineQueue | undefined;
  /** The time is up. */
  expire(): void;
}

/**
 * Many deadlines of few different lengths. All of one length fall due in the order in which they began, so each length
 * has a list and one timer for its head: to begin and to end one costs a few pointers, however many there are. Keeps the
 * process alive while something waits.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #queues = new Map<number, DeadlineQueue>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Begins: `expire` is called `timeoutMs` from now, unless `remove` comes first. */
  add(item: Expiring, timeoutMs: number): void {
    let queue = this.#queues.get(timeoutMs);
    if (!queue) {
      queue = new DeadlineQueue(this.#clock, timeoutMs);
      this.#queues.set(timeoutMs, queue);
    }
    queue.add(item);
  }

  /** Ends it; nothing happens any more. Unknown items are ignored. */
  remove(item: Expiring): void {
    const { queue } = item;
    if (!queue) return;
    queue.remove(item);
    // An idle queue and its timer stay for whoever asks again, which is most likely soon; but not for ever new lengths.
    if (queue.isIdle && this.#queues.size > IDLE_QUEUES) this.#drop(queue);
  }

  /** Takes out everything that waits. */
  drain(): Expiring[] {
    const items: Expiring[] = [];
    for (const queue of this.#queues.values()) {
      items.push(...queue.drain());
      this.#drop(queue);
    }
    return items;
  }

  #drop(queue: DeadlineQueue): void {
    queue.stop();
    this.#queues.delete(queue.timeoutMs);
  }
}

const IDLE_QUEUES = 16;

/** The deadlines of one length. */
export class DeadlineQueue {
  readonly timeoutMs: number;
  readonly #clock: Clock;
  #head: Expiring | undefined;
  #tail: Expiring | undefined;
  #timer: Timer | undefined;

  constructor(clock: Clock, timeoutMs: number) {
    this.timeoutMs = timeoutMs;
    this.#clock = clock;
  }

  get isIdle(): boolean {
    return this.#head === undefined;
  }

  add(item: Expiring): void {
    item.dueMs = this.#clock.monotonic() + this.timeoutMs;
    item.queue = this;
    item.earlier = this.#tail;
    if (this.#tail) this.#tail.later = item;
    else this.#begin(item);
    this.#tail = item;
  }

  remove(item: Expiring): void {
    const { earlier, later } = item;
    if (earlier) earlier.later = later;
    else this.#head = later;
    if (later) later.earlier = earlier;
    else this.#tail = earlier;
    item.earlier = item.later = item.queue = undefined;
    // The timer stays: who asks again and again would set it again and again. It only must not keep the process.
    if (!this.#head) this.#timer?.unref?.();
  }

  *drain(): Generator<Expiring> {
    for (let item = this.#head; item; item = this.#head) {
      this.remove(item);
      yield item;
    }
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #begin(head: Expiring): void {
    this.#head = head;
    if (this.#timer) this.#timer.ref?.();
    else this.#setTimer(this.timeoutMs);
  }

  #setTimer(delayMs: number): void {
    this.#timer = this.#clock.setTimer(delayMs, () => this.#fire());
    this.#timer.ref?.();
  }

  #fire(): void {
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    for (let item = this.#head; item && item.dueMs <= now; item = this.#head) {
      this.remove(item);
      item.expire();
    }
    // The head of now began after the timer was set, so it is due later; and a timer may fire a little early.
    if (this.#head && !this.#timer) this.#setTimer(Math.max(1, Math.ceil(this.#head.dueMs - now)));
  }
}
