import type { AgentDriver, DriverPort, OpenedSession } from "../../src/session/agent-driver.ts";
import type { CheckedAnswer } from "../../src/session/check-answer.ts";
import type { News } from "../../src/session/news.ts";

/** A driver whose frames are news already, so that a session can be tested without any agent's protocol. */
export class LineDriver implements AgentDriver {
  readonly opened = Promise.withResolvers<OpenedSession>();
  readonly told: (string | { readonly key: string; readonly answer: CheckedAnswer })[] = [];
  readonly #port: DriverPort;

  constructor(port: DriverPort) {
    this.#port = port;
  }

  open(): Promise<OpenedSession> {
    return this.opened.promise;
  }

  receive(frame: unknown): void {
    if (typeof frame !== "object" || frame === null || !("news" in frame)) throw new Error("this is no news");
    this.#port.tell([frame as News]);
  }

  prompt(text: string): Promise<void> {
    this.told.push(`prompt ${text}`);
    return Promise.resolve();
  }

  steer(text: string): Promise<void> {
    this.told.push(`steer ${text}`);
    return Promise.resolve();
  }

  interrupt(open: readonly string[]): Promise<void> {
    this.told.push(`interrupt ${open.join(",")}`);
    return Promise.resolve();
  }

  answer(key: string, answer: CheckedAnswer): Promise<void> {
    this.told.push({ key, answer });
    return Promise.resolve();
  }

  ended(error: Error): void {
    this.opened.reject(error);
    this.opened.promise.catch(() => undefined);
  }
}
