import type { LimitLookup, Principal } from "@signalbox/protocol";
import type { WebSocket } from "ws";

import type { Clock, Timer } from "../clock.ts";
import type { TerminalSink } from "../terminal/terminal-watcher.ts";
import { CLOSE_CODES } from "./close-codes.ts";

export interface SessionClientSettings {
  readonly id: string;
  readonly ws: WebSocket;
  readonly clock: Clock;
  readonly limits: LimitLookup;
}

const AS_TEXT = { binary: false } as const;

/** One connection to the session socket: who it is, what it follows, and how much waits for it. */
export class SessionClient {
  readonly id: string;
  readonly #settings: SessionClientSettings;
  /** The sessions that it follows; each ends what it is sent from a cursor. */
  readonly #following = new Map<string, AbortController>();
  readonly #pumped = new Set<string>();
  #principal: Principal | undefined;
  #turn: Promise<void> = Promise.resolve();
  #isAlive = true;
  readonly #connectedAt: number;
  #tokens: number;
  #refilledAt: number;
  #waiting: Timer | undefined;
  #stalled: Timer | undefined;

  constructor(settings: SessionClientSettings) {
    this.id = settings.id;
    this.#settings = settings;
    this.#tokens = settings.limits("socket.messagesPerSecond");
    this.#connectedAt = settings.clock.monotonic();
    this.#refilledAt = this.#connectedAt;
    settings.ws.on("pong", () => (this.#isAlive = true));
    settings.ws.on("error", () => settings.ws.terminate());
  }

  /** Who it is, once it has proven that. */
  get principal(): Principal | undefined {
    return this.#principal;
  }

  get sessions(): readonly string[] {
    return [...this.#following.keys()];
  }

  /** Whether it has been connected for as long as one may be. */
  get isOld(): boolean {
    const { clock, limits } = this.#settings;
    return clock.monotonic() - this.#connectedAt >= limits("socket.ageMs");
  }

  admit(principal: Principal): void {
    this.#waiting?.cancel();
    this.#principal = principal;
  }

  /** Waits for a credential, for as long as a client may take to say who it is. */
  expectCredential(giveUp: () => void): void {
    this.#waiting = this.#settings.clock.setTimer(this.#settings.limits("runner.helloMs"), giveUp);
  }

  /** Does things of this client one after the other. What goes wrong ends the connection. */
  async inTurn(work: () => Promise<void>): Promise<void> {
    const before = this.#turn;
    this.#turn = (async () => {
      await before;
      try {
        await work();
      } catch {
        this.close(1011, "try again");
      }
    })();
    await this.#turn;
  }

  /** Takes one message off what it may still say this second. */
  mayTalk(): boolean {
    const { clock, limits } = this.#settings;
    const now = clock.monotonic();
    const perSecond = limits("socket.messagesPerSecond");
    this.#tokens = Math.min(perSecond, this.#tokens + ((now - this.#refilledAt) / 1_000) * perSecond);
    this.#refilledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Begins to follow a session; false when it does already, or follows as many as it may. */
  follow(sessionId: string): boolean {
    if (this.#following.has(sessionId) || this.#following.size >= this.#settings.limits("socket.subscriptions")) {
      return false;
    }
    this.#following.set(sessionId, new AbortController());
    return true;
  }

  isFollowing(sessionId: string): boolean {
    return this.#following.has(sessionId);
  }

  /** Whether it reads a session from a cursor of its own. */
  isPumped(sessionId: string): boolean {
    return this.#pumped.has(sessionId);
  }

  /** Follows a session no more; false when it did not. */
  leave(sessionId: string): boolean {
    this.#following.get(sessionId)?.abort();
    this.#pumped.delete(sessionId);
    return this.#following.delete(sessionId);
  }

  /** Sends what comes from a source, no faster than the client reads. The server keeps no queue for it. */
  async pump(sessionId: string, source: (signal: AbortSignal) => AsyncIterable<Buffer>): Promise<void> {
    const signal = this.#following.get(sessionId)?.signal;
    if (!signal) return;
    this.#pumped.add(sessionId);
    try {
      for await (const bytes of source(signal)) {
        if (signal.aborted) return;
        await this.#sendAndWait(bytes);
      }
    } catch {
      // The source knows why; the client comes back with its cursor.
      this.close(1011, "try again");
    }
  }

  /** Sends a frame, unless too much waits already: a client that does not read is closed when it goes on so. */
  send(bytes: Buffer): void {
    const { ws, limits } = this.#settings;
    if (ws.readyState !== ws.OPEN) return;
    if (ws.bufferedAmount > limits("reader.pendingBytes")) return this.#closeAsSlow();
    ws.send(bytes, { binary: false });
  }

  /** As a terminal sees it. */
  get terminalSink(): TerminalSink {
    const { ws } = this.#settings;
    const isOpen = (): boolean => ws.readyState === ws.OPEN;
    return {
      id: this.id,
      get pendingBytes() {
        return ws.bufferedAmount;
      },
      send: (bytes) => {
        if (isOpen()) ws.send(bytes, AS_TEXT);
      },
      sendAndTell: (bytes, gone) => (isOpen() ? ws.send(bytes, AS_TEXT, () => gone()) : gone()),
      closeAsSlow: () => this.#closeAsSlow(),
      closeToRetry: () => this.close(1011, "try again"),
    };
  }

  /** Pings, and ends a client that did not answer the ping before. */
  beat(): void {
    const { ws } = this.#settings;
    if (!this.#isAlive) return ws.terminate();
    this.#isAlive = false;
    ws.ping();
  }

  close(code: number, reason: string): void {
    this.#settings.ws.close(code, reason);
  }

  /** The connection is gone. */
  dispose(): void {
    this.#waiting?.cancel();
    this.#stalled?.cancel();
    for (const controller of this.#following.values()) controller.abort();
  }

  /** What was not sent cannot be sent later: it would have to be kept. The client comes back with its cursor. */
  #closeAsSlow(): void {
    this.close(CLOSE_CODES.slowConsumer, "slow_consumer");
    this.#stalled ??= this.#settings.clock.setTimer(this.#settings.limits("runner.helloMs"), () =>
      this.#settings.ws.terminate(),
    );
  }

  async #sendAndWait(bytes: Buffer): Promise<void> {
    const { ws, clock, limits } = this.#settings;
    if (ws.readyState !== ws.OPEN) return;
    const stalled = clock.setTimer(limits("reader.stallMs"), () => this.#closeAsSlow());
    await new Promise<void>((resolve) => ws.send(bytes, { binary: false }, () => resolve()));
    stalled.cancel();
  }
}
