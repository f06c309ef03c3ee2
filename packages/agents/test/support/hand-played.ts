import { eventually, ManualClock } from "@signalbox/testkit";

import { agentLimits } from "../../src/index.ts";
import type { AgentDriver, DriverPort } from "../../src/session/agent-driver.ts";
import type { News } from "../../src/session/news.ts";

/** A frame as far as tests look at it. */
export interface SentFrame {
  readonly id?: number | string;
  readonly method?: string;
  readonly request_id?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: unknown;
  readonly error?: { readonly code: number };
  readonly request?: { readonly subtype: string };
}

/** A driver whose agent a test plays by hand. */
export class HandPlayed {
  readonly sent: SentFrame[] = [];
  readonly news: News[] = [];
  readonly complaints: string[] = [];
  readonly clock = new ManualClock();
  readonly driver: AgentDriver;

  constructor(makeDriver: (port: DriverPort) => AgentDriver) {
    this.driver = makeDriver({
      clock: this.clock,
      limits: agentLimits(),
      write: (frame) => Promise.resolve(void this.sent.push(frame as SentFrame)),
      tell: (news) => void this.news.push(...news),
      complain: (message) => void this.complaints.push(message),
    });
  }

  /** The last frame that was sent and is so. */
  last(isIt: (frame: SentFrame) => boolean): Promise<SentFrame> {
    return eventually(() => this.sent.findLast(isIt));
  }
}
