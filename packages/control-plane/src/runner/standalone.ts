import { randomFillSync } from "node:crypto";

import { createIdSource, limit } from "@signalbox/protocol";
import { LazyStore, type SignalboxUnits } from "@signalbox/store";

import { systemClock } from "../clock.ts";
import { silentLogger } from "../logger.ts";
import { AttemptBoard } from "./attempt-board.ts";
import { Fleet } from "./fleet.ts";
import { Heartbeats } from "./heartbeats.ts";
import type { RunnerHandlerConfig, RunnerHandlerDeps } from "./runner-handler.ts";

/** What a `RunnerHandler` that stands by itself works with: a store in memory, the machine's clock, and no sockets. */
export function standaloneDeps(config: RunnerHandlerConfig): RunnerHandlerDeps {
  const clock = systemClock;
  const store = new LazyStore<SignalboxUnits>(async () => {
    const { openSignalboxStore } = await import("@signalbox/store/sqlite");
    return openSignalboxStore({ directory: ":memory:" });
  });
  return {
    store,
    clock,
    ids: createIdSource({ now: () => clock.now(), fillRandom: (bytes) => randomFillSync(bytes) }),
    fleet: new Fleet(),
    board: new AttemptBoard({ clock, graceMs: limit("lease.graceMs"), onLost: () => {} }),
    heartbeats: new Heartbeats({
      store,
      clock,
      logger: silentLogger,
      offlineMs: config.heartbeatTimeoutMs ?? limit("runner.offlineMs"),
    }),
    retire: () => {},
    abandon: async () => {},
  };
}
