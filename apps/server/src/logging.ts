import type { Answered, Observer, RequestSpan } from "@signalbox/dialects";
import { destination, pino, type Logger } from "pino";

import type { ServerConfig } from "./config.ts";
import type { HttpMetrics } from "./http-metrics.ts";

/** Structured lines on standard error, which leaves standard output to whoever starts the server. */
export function createLogger(level: ServerConfig["logLevel"]): Logger {
  return pino({ level, base: null }, destination({ fd: 2, sync: true }));
}

/** Something that makes spans. */
export interface Spans {
  begin(name: string, parent: string | undefined): RequestSpan;
  close(): Promise<void>;
}

/** Tells logs, metrics and traces what happens at the faces. A line for each request is written at level debug. */
export function createObserver(logger: Logger, metrics: HttpMetrics, spans: Spans | undefined): Observer {
  return {
    answered(answered: Answered): void {
      metrics.answered(answered);
      if (logger.isLevelEnabled("debug")) logger.debug(answered, "answered");
    },
    failed(error, requestId): void {
      logger.error({ err: error, requestId }, "a request met a bug");
    },
    ...(spans ? { span: (name: string, parent: string | undefined) => spans.begin(name, parent) } : {}),
  };
}
