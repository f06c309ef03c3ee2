import type { Capabilities, ControlMessage, ProviderId, Requirements } from "@signalbox/protocol";
import { limit } from "@signalbox/protocol";
import { EventEmitter } from "eventemitter3";

import { missingFrom, type PlaceableRunner } from "./placement.ts";

/** The way to a runner: a socket, or the same process. Messages are in order; a send never throws. */
export interface RunnerChannel {
  send(message: ControlMessage): void;
  close(code: number, reason: string): void;
}

/** A runner as the control plane holds it in memory while its connection is open. */
export interface ConnectedRunner extends PlaceableRunner {
  readonly connectionId: string;
  readonly channel: RunnerChannel;
  readonly slots: number;
  /** Whose agent works on `codegen` steps there, if it says so. */
  readonly codegenProvider?: ProviderId | undefined;
  /** Ids of the attempts that it holds, and of the offers that it has not answered. */
  readonly held: Set<string>;
  isDraining: boolean;
  /** Set when it did not answer an offer; it gets none until it answers a probe. */
  isDeaf: boolean;
}

/** What happens in the fleet. */
export interface FleetEvents {
  /** A runner can take work now, or more than before. */
  available: (runner: ConnectedRunner) => void;
  /** A runner's connection is gone. */
  gone: (runner: ConnectedRunner) => void;
}

/** Callers choose what they require, so the index begins anew when it has so many entries. */
const MAX_FINGERPRINTS = 10_000;

/**
 * The runners whose connection is open, and an index from the fingerprint of requirements to the runners that fit:
 * looking up who can take a step costs nothing once a step like it has been looked up before.
 */
export class Fleet extends EventEmitter<FleetEvents> {
  readonly #runners = new Map<string, ConnectedRunner>();
  readonly #fitting = new Map<
    string,
    { readonly orgId: string; readonly requires: Requirements | undefined; readonly runners: Set<ConnectedRunner> }
  >();

  /** Runners whose connection is open. */
  get size(): number {
    return this.#runners.size;
  }

  get(runnerId: string): ConnectedRunner | undefined {
    return this.#runners.get(runnerId);
  }

  [Symbol.iterator](): IterableIterator<ConnectedRunner> {
    return this.#runners.values();
  }

  /** Takes a connection in; an older one of the same runner is closed as fenced. */
  connect(runner: ConnectedRunner): void {
    const older = this.#runners.get(runner.runnerId);
    if (older) {
      this.disconnect(older);
      older.channel.close(4009, "a newer connection of this runner is open");
    }
    this.#runners.set(runner.runnerId, runner);
    for (const { orgId, requires, runners } of this.#fitting.values()) {
      if (missingFrom(runner, orgId, requires) === undefined) runners.add(runner);
    }
    this.emit("available", runner);
  }

  /** Lets a connection go, if it is still the runner's. */
  disconnect(runner: ConnectedRunner): void {
    if (this.#runners.get(runner.runnerId) !== runner) return;
    this.#remove(runner);
    this.emit("gone", runner);
  }

  /** The connected runners that have what is required. */
  fitting(fingerprint: string, orgId: string, requires: Requirements | undefined): ReadonlySet<ConnectedRunner> {
    const known = this.#fitting.get(fingerprint);
    if (known) return known.runners;
    if (this.#fitting.size >= MAX_FINGERPRINTS) this.#fitting.clear();
    const runners = new Set(
      [...this.#runners.values()].filter((runner) => missingFrom(runner, orgId, requires) === undefined),
    );
    this.#fitting.set(fingerprint, { orgId, requires, runners });
    return runners;
  }

  /** A runner no longer holds an offer or an attempt: it may take more. */
  release(runnerId: string, id: string): void {
    const runner = this.#runners.get(runnerId);
    if (runner?.held.delete(id) && freeSlotsOf(runner) > 0) this.emit("available", runner);
  }

  /** A runner that did not listen, or was draining, takes work again. */
  reopen(runnerId: string): void {
    const runner = this.#runners.get(runnerId);
    if (runner && freeSlotsOf(runner) > 0) this.emit("available", runner);
  }

  #remove(runner: ConnectedRunner): void {
    this.#runners.delete(runner.runnerId);
    for (const { runners } of this.#fitting.values()) runners.delete(runner);
  }
}

/** Attempts that a runner would take now. */
export function freeSlotsOf(runner: ConnectedRunner): number {
  return runner.isDraining || runner.isDeaf ? 0 : Math.max(0, runner.slots - runner.held.size);
}

/** The slots of a runner by what it says it can do. */
export function slotsOf(capabilities: Capabilities): number {
  return capabilities.maxConcurrentSessions ?? limit("runner.slots");
}
