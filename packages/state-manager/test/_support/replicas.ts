import { ManualClock } from "@signalbox/testkit";

import { DistributedStateManager, type Clock, type StateManagerOptions } from "../../src/index.ts";
import { LossyNetwork } from "./lossy-network.ts";

/** Replicas of one plugin on a network, each on a host of its own, with one hand on all their timers. */
export class Replicas {
  readonly network: LossyNetwork;
  readonly clock = new ManualClock(Date.UTC(2026, 0, 1));
  readonly all: DistributedStateManager[] = [];
  readonly offsetsMs = new Map<string, number>();

  constructor(seed = 1) {
    this.network = new LossyNetwork(seed);
  }

  /** Another replica, on the host of this name. */
  add(host: string, options: Partial<StateManagerOptions> = {}): DistributedStateManager {
    const bus = this.network.bus(host, "shop");
    const manager = new DistributedStateManager("shop", {
      bus,
      clock: this.clockOf(host),
      replicaId: host,
      ...options,
    });
    // Tests move clocks on purpose; without a listener it is a warning of the process.
    manager.on("clock-ahead", () => {});
    this.all.push(manager);
    return manager;
  }

  /** The clock of a host: it shows what `offsetsMs` says beside the time of all, and its timers go with that. */
  clockOf(host: string): Clock {
    return {
      now: () => Math.max(0, this.clock.now() + (this.offsetsMs.get(host) ?? 0)),
      setTimer: (delayMs, fire) => this.clock.setTimer(delayMs, fire),
    };
  }

  /** Everybody says what was done, at once. */
  flush(): void {
    for (const manager of this.all) manager.flush();
  }

  /** Time goes on until replicas have compared what they have, as often as is said. */
  compare(rounds = 3): void {
    for (let round = 0; round < rounds; round++) {
      this.flush();
      this.clock.advance(30_000);
    }
  }

  async close(): Promise<void> {
    for (const manager of this.all) await manager.close();
  }
}

/** All that a reader of a state sees. */
export function viewOfState(manager: DistributedStateManager): object {
  return {
    registers: Object.fromEntries(manager.keys("register").map((key) => [key, manager.getRegister(key)])),
    counters: Object.fromEntries(manager.keys("counter").map((key) => [key, manager.getCounter(key)])),
    sets: Object.fromEntries(manager.keys("set").map((key) => [key, manager.getSet(key)])),
  };
}
