import { randomFillSync } from "node:crypto";

import { createIdSource } from "@signalbox/protocol";
import { LazyStore, type SignalboxUnits } from "@signalbox/store";

import { systemClock } from "../clock.ts";
import { EventFeed } from "../events/event-feed.ts";
import { RunLog } from "../events/run-log.ts";
import { silentLogger } from "../logger.ts";
import { TimerService } from "../timers/timer-service.ts";
import type { SessionHandlerDeps } from "./session-handler.ts";
import { SessionLog } from "./session-log.ts";

/** What a `SessionHandler` that stands by itself works with: a store in memory, the machine's clock, and no runners. */
export function standaloneSessionDeps(): SessionHandlerDeps {
  const clock = systemClock;
  const store = new LazyStore<SignalboxUnits>(async () => {
    const { openSignalboxStore } = await import("@signalbox/store/sqlite");
    return openSignalboxStore({ directory: ":memory:" });
  });
  const runLog = new RunLog({ store });
  const sessionLog = new SessionLog({ store });
  const eventFeed = new EventFeed({ store });
  runLog.on("sessions", (sessions) => {
    for (const session of sessions) sessionLog.tell(session);
  });
  sessionLog.on("changed", ({ sessionId }) => eventFeed.notify(sessionId));
  new TimerService({
    store,
    runLog,
    sessionLog,
    clock,
    logger: silentLogger,
    onFired: () => {},
  });
  return {
    store,
    clock,
    ids: createIdSource({ now: () => clock.now(), fillRandom: (bytes) => randomFillSync(bytes) }),
    runLog,
    sessionLog,
    eventFeed,
    stopRun: () => {},
    stopAttempts: () => {},
  };
}
