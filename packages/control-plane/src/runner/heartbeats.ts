import { limit, type Capabilities, type RunnerMessageOf } from "@signalbox/protocol";
import type { SignalboxStore } from "@signalbox/store";
import { EventEmitter } from "eventemitter3";

import type { Clock, Timer } from "../clock.ts";
import type { Logger } from "../logger.ts";

interface Beat extends Pick<RunnerMessageOf<"heartbeat">, "load" | "runtimeVersions"> {
  /** What the runner says it can do, when it has just said so. */
  readonly capabilities?: Capabilities;
}

interface Heard {
  at: number;
  isOnline: boolean;
  /** What has not been written yet. */
  unwritten: Beat | undefined;
}

/** What the signs of life come to. */
export interface HeartbeatEvents {
  online: (runnerId: string) => void;
  offline: (runnerId: string) => void;
}

/**
 * Signs of life: kept in memory, written together now and then, and missed after `offlineMs` of silence. A runner that
 * is offline keeps its leases for as long as they last; the two are different things.
 */
export class Heartbeats extends EventEmitter<HeartbeatEvents> {
  readonly #store: SignalboxStore;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #offlineMs: number;
  readonly #heard = new Map<string, Heard>();
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(deps: {
    readonly store: SignalboxStore;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly offlineMs?: number;
  }) {
    super();
    this.#store = deps.store;
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    this.#offlineMs = deps.offlineMs ?? limit("runner.offlineMs");
  }

  /** A runner is known, and was last heard now. */
  watch(runnerId: string, isOnline: boolean): void {
    this.#heard.set(runnerId, { at: this.#clock.monotonic(), isOnline, unwritten: undefined });
    this.#schedule();
  }

  /** A runner has gone for good. */
  forget(runnerId: string): void {
    this.#heard.delete(runnerId);
  }

  /** Something was heard of a runner. */
  beat(runnerId: string, beat: Beat): void {
    const heard = this.#heard.get(runnerId);
    if (!heard) return;
    heard.at = this.#clock.monotonic();
    heard.unwritten = { ...heard.unwritten, ...beat };
    this.#schedule();
    if (!heard.isOnline) void this.flush();
  }

  /** Writes what has not been written, and notes who has fallen silent. */
  async flush(): Promise<void> {
    const now = this.#clock.now();
    try {
      await this.#writeBeats(now);
      await this.#noteSilence(now);
    } catch (error) {
      this.#logger.warn({ err: error }, "heartbeats not written; trying again");
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    if (this.#timer || this.#isStopped || this.#heard.size === 0) return;
    this.#timer = this.#clock.setTimer(Math.max(1, this.#offlineMs / 3), () => {
      this.#timer = undefined;
      void this.flush().finally(() => this.#schedule());
    });
  }

  async #writeBeats(now: number): Promise<void> {
    const beats = [...this.#heard].flatMap(([runnerId, { unwritten }]) =>
      unwritten === undefined
        ? []
        : [
            {
              runnerId,
              at: now,
              load: JSON.stringify(unwritten.load),
              runtimeVersions: unwritten.runtimeVersions ? JSON.stringify(unwritten.runtimeVersions) : null,
              capabilities: unwritten.capabilities ? JSON.stringify(unwritten.capabilities) : null,
            },
          ],
    );
    if (beats.length === 0) return;
    const back = await this.#store.run("beatRunners", { beats, now });
    for (const { runnerId } of beats) {
      const heard = this.#heard.get(runnerId);
      if (heard) heard.unwritten = undefined;
    }
    for (const runnerId of back) this.#turn(runnerId, true);
  }

  async #noteSilence(now: number): Promise<void> {
    const deadline = this.#clock.monotonic() - this.#offlineMs;
    const silent = [...this.#heard]
      .filter(([, heard]) => heard.isOnline && heard.at <= deadline)
      .map(([runnerId]) => runnerId);
    if (silent.length === 0) return;
    await this.#store.run("silenceRunners", { runnerIds: silent, now });
    for (const runnerId of silent) this.#turn(runnerId, false);
  }

  #turn(runnerId: string, isOnline: boolean): void {
    const heard = this.#heard.get(runnerId);
    if (!heard) return;
    heard.isOnline = isOnline;
    this.emit(isOnline ? "online" : "offline", runnerId);
  }
}
