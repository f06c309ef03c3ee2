import type { ReadyStep } from "@signalbox/store";

import { fingerprintOf } from "./placement.ts";

/** A step that waits for a runner, with what placing it takes. */
export interface WaitingStep extends ReadyStep {
  readonly fingerprint: string;
  /** What at most one step at a time may hold in a project; undefined for most. */
  readonly concurrencyKey: string | undefined;
  /** Runners that declined it, until they may be asked again. */
  readonly declined: Set<string>;
}

/** The steps that wait for a runner, each once, in groups of those that fit the same runners. */
export class ReadyQueue {
  readonly #groups = new Map<string, Map<string, WaitingStep>>();
  /** When each step came, as a number that grows. In a group, steps stand in this order. */
  readonly #arrivals = new Map<string, number>();
  #arrived = 0;

  get count(): number {
    return this.#arrivals.size;
  }

  /** Steps first come first served, of the groups in which one step passes. Steps may be removed meanwhile. */
  *inOrder(passes: (waiting: WaitingStep) => boolean): Generator<WaitingStep> {
    const heads: { rest: IterableIterator<WaitingStep>; first: WaitingStep }[] = [];
    for (const group of this.#groups.values()) {
      const rest = group.values();
      const { value: first } = rest.next();
      if (first && passes(first)) heads.push({ rest, first });
    }
    while (heads.length > 0) {
      const next = heads.reduce((a, b) => (this.#arrivalOf(b.first) < this.#arrivalOf(a.first) ? b : a));
      const waiting = next.first;
      const { value: following } = next.rest.next();
      if (following) next.first = following;
      else heads.splice(heads.indexOf(next), 1);
      if (this.has(waiting)) yield waiting;
    }
  }

  has(waiting: WaitingStep): boolean {
    return this.#groups.get(waiting.fingerprint)?.has(keyOf(waiting)) ?? false;
  }

  /** Adds a step at the end, or puts a newer attempt in the place of an older. */
  add(waiting: WaitingStep): void {
    const group = this.#groups.get(waiting.fingerprint) ?? new Map<string, WaitingStep>();
    this.#groups.set(waiting.fingerprint, group);
    if (!group.has(keyOf(waiting))) this.#arrivals.set(keyOf(waiting), this.#arrived++);
    group.set(keyOf(waiting), waiting);
  }

  remove(waiting: WaitingStep): void {
    const group = this.#groups.get(waiting.fingerprint);
    if (!group?.delete(keyOf(waiting))) return;
    this.#arrivals.delete(keyOf(waiting));
    if (group.size === 0) this.#groups.delete(waiting.fingerprint);
  }

  /** Takes out the steps of a run that is over. */
  removeRun(runId: string): void {
    for (const group of this.#groups.values()) {
      for (const waiting of group.values()) if (waiting.runId === runId) this.remove(waiting);
    }
  }

  #arrivalOf(waiting: WaitingStep): number {
    return this.#arrivals.get(keyOf(waiting)) ?? 0;
  }
}

/** Works out once what placing a step takes. */
export function toWaitingStep(ready: ReadyStep): WaitingStep {
  const { step } = ready;
  return {
    ...ready,
    fingerprint: fingerprintOf(ready.orgId, step.requires),
    concurrencyKey:
      step.concurrencyKey === undefined
        ? undefined
        : JSON.stringify([ready.orgId, ready.projectId, step.concurrencyKey]),
    declined: new Set(),
  };
}

/** A step's identity while it waits. */
export function keyOf({ runId, index }: Pick<ReadyStep, "runId" | "index">): string {
  return `${runId}/${index}`;
}
