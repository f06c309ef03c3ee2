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

/** The steps that wait for a runner, each once, first come first served among those that fit the same runners. */
export class ReadyQueue {
  readonly #groups = new Map<string, Map<string, WaitingStep>>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The groups of steps that fit the same runners. */
  groups(): Iterable<readonly [fingerprint: string, steps: ReadonlyMap<string, WaitingStep>]> {
    return this.#groups;
  }

  /** The group of one fingerprint. */
  group(fingerprint: string): ReadonlyMap<string, WaitingStep> | undefined {
    return this.#groups.get(fingerprint);
  }

  has(waiting: WaitingStep): boolean {
    return this.#groups.get(waiting.fingerprint)?.has(keyOf(waiting)) ?? false;
  }

  /** Adds a step at the end, or puts a newer attempt in the place of an older. */
  add(waiting: WaitingStep): void {
    const group = this.#groups.get(waiting.fingerprint) ?? new Map<string, WaitingStep>();
    this.#groups.set(waiting.fingerprint, group);
    if (!group.has(keyOf(waiting))) this.#count += 1;
    group.set(keyOf(waiting), waiting);
  }

  remove(waiting: WaitingStep): void {
    const group = this.#groups.get(waiting.fingerprint);
    if (!group?.delete(keyOf(waiting))) return;
    this.#count -= 1;
    if (group.size === 0) this.#groups.delete(waiting.fingerprint);
  }

  /** Takes out the steps of a run that is over. */
  removeRun(runId: string): void {
    for (const group of this.#groups.values()) {
      for (const waiting of group.values()) if (waiting.runId === runId) this.remove(waiting);
    }
  }
}

/** Works out once what placing a step takes. */
export function toWaitingStep(ready: ReadyStep): WaitingStep {
  const { step } = ready;
  return {
    ...ready,
    fingerprint: fingerprintOf(ready.orgId, step.requires),
    concurrencyKey: step.concurrencyKey === undefined ? undefined : JSON.stringify([ready.orgId, ready.projectId, step.concurrencyKey]),
    declined: new Set(),
  };
}

/** A step's identity while it waits. */
export function keyOf({ runId, index }: Pick<ReadyStep, "runId" | "index">): string {
  return `${runId}/${index}`;
}
