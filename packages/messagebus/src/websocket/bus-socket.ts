import type { WebSocket } from "ws";

import { Backoff } from "../remote/backoff.ts";
import type { Clock, Timer } from "../clock.ts";
import { ConnectionLostError, NotAdmittedError, type BusError } from "../errors.ts";
import type { BusLimits } from "../limits.ts";
import { isFinalClose } from "./close-codes.ts";
import { nextConnectionState, type ConnectionState } from "../remote/connection-states.ts";
import { dialSocket, type SocketEnd } from "./dial-socket.ts";
import { readFrames, type FrameTaker } from "./frame-reader.ts";
import { FrameWriter, messageBytes } from "./frame-writer.ts";
import { BrokerFrameSchema, type BrokerFrame, type BrokerFrameOf } from "./frames.ts";

/** The credential of a plugin, or how to get it each time that a connection is made. */
export type TokenSource = string | (() => string | Promise<string>);

/** What happens on the connection. */
export interface BusSocketListener {
  /** Frames may be sent now. */
  onOpen(welcome: BrokerFrameOf<"welcome">): void;
  onFrame(frame: BrokerFrame): void;
  /** Whatever was sent and not answered may or may not have arrived. Another connection is made later. */
  onLost(error: ConnectionLostError): void;
  /** For good. */
  onEnd(error: BusError): void;
  onState(state: ConnectionState): void;
  /** Something that is not of the protocol, and was left out. */
  onUnreadable(reason: string): void;
}

export interface BusSocketOptions {
  readonly url: URL;
  readonly token: TokenSource;
  readonly limits: BusLimits;
  readonly clock: Clock;
  readonly random: () => number;
  readonly listener: BusSocketListener;
}

/** For the closing handshake. */
const CLOSE_MS = 1_000;
/** Heartbeats of the broker that may be missed. */
const SILENT_HEARTBEATS = 2.5;
/** A gateway may answer anything while the server restarts; only what names the credential is for good. */
const FINAL_STATUSES: ReadonlySet<number> = new Set([401, 403, 410]);

/** A connection to a broker that is made again, with full jitter, whenever it is gone; until it is refused or closed. */
export class BusSocket implements FrameTaker<BrokerFrame> {
  readonly #options: BusSocketOptions;
  readonly #backoff: Backoff;
  readonly #writer: FrameWriter;
  #state: ConnectionState = "idle";
  #socket: WebSocket | undefined;
  /** Of the state: the handshake's end, the next heartbeat's, or the next try. */
  #timer: Timer | undefined;
  #lastTrafficMs = 0;

  constructor(options: BusSocketOptions) {
    const { limits, random } = options;
    this.#options = options;
    this.#backoff = new Backoff({
      random,
      firstMs: limits["reconnect.firstMs"],
      maxMs: limits["reconnect.maxMs"],
    });
    this.#writer = new FrameWriter((text) => this.#socket?.send(text));
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Characters that were sent and have not left this process. */
  get waiting(): number {
    return this.#writer.waiting + (this.#socket?.bufferedAmount ?? 0);
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  get isOver(): boolean {
    return this.#state === "closed";
  }

  /** Dials for the first time; later calls do nothing. */
  start(): void {
    if (this.#state === "idle") void this.#dial();
  }

  /** Sends a frame, with the others of this turn. Only while open. */
  send(frame: string): void {
    this.#writer.add(frame);
  }

  /** Ends it for good, for this reason. Resolves when the socket is closed; what was sent before goes out first. */
  async end(error: BusError): Promise<void> {
    if (!this.#move("end")) return;
    this.#timer?.cancel();
    const socket = this.#socket;
    this.#writer.flush();
    this.#options.listener.onEnd(error);
    if (!socket || socket.readyState === socket.CLOSED) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cutting = this.#options.clock.setTimer(CLOSE_MS, () => socket.terminate());
    socket.once("close", () => {
      cutting.cancel();
      resolve();
    });
    socket.close(1000);
    await promise;
  }

  take(frame: BrokerFrame): void {
    if (frame.type === "welcome") this.#welcome(frame);
    else if (this.isOpen) this.#options.listener.onFrame(frame);
  }

  refuse(reason: string): void {
    this.#options.listener.onUnreadable(reason);
  }

  async #dial(): Promise<void> {
    const { url, token, limits, clock } = this.#options;
    if (!this.#move("dial")) return;
    this.#timer = clock.setTimer(limits["connection.handshakeMs"], () => this.#giveUpDialling());
    this.#timer.ref?.();
    let bearer: string;
    try {
      bearer = typeof token === "string" ? token : await token();
    } catch (error) {
      void this.end(new NotAdmittedError("there is no token to connect with", { cause: error }));
      return;
    }
    // It took its time: the handshake is over, or the transport was closed.
    if (this.#state !== "connecting" || this.#socket) return;
    const socket = dialSocket({
      url,
      token: bearer,
      handshakeMs: limits["connection.handshakeMs"],
      maxPayload: messageBytes(limits),
      listener: {
        onText: (text) => this.#read(socket, text),
        onTraffic: () => (this.#lastTrafficMs = clock.monotonic()),
        onEnd: (end) => this.#socketEnded(socket, end),
      },
    });
    this.#socket = socket;
  }

  #giveUpDialling(): void {
    if (this.#socket) this.#socket.terminate();
    else this.#lose("there was no token in time");
  }

  #read(socket: WebSocket, text: string): void {
    if (socket === this.#socket) readFrames(text, BrokerFrameSchema, this);
  }

  #welcome(welcome: BrokerFrameOf<"welcome">): void {
    const { listener } = this.#options;
    if (nextConnectionState(this.#state, "welcome") !== "open") return;
    this.#state = "open";
    this.#timer?.cancel();
    this.#watch(welcome.heartbeatMs);
    listener.onOpen(welcome);
    // Whoever hears of it may send at once, and not before what waited.
    if (this.isOpen) listener.onState("open");
  }

  #watch(heartbeatMs: number): void {
    const { clock } = this.#options;
    this.#timer = clock.setTimer(heartbeatMs, () => {
      const isSilent = clock.monotonic() - this.#lastTrafficMs > SILENT_HEARTBEATS * heartbeatMs;
      if (isSilent) return this.#socket?.terminate();
      // Only a connection that has held is a success: one that is closed as soon as it is made must not be made at once again.
      this.#backoff.reset();
      this.#watch(heartbeatMs);
    });
  }

  #socketEnded(socket: WebSocket, end: SocketEnd): void {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    const refusal = refusalOf(end);
    if (refusal) void this.end(refusal);
    else this.#lose(end.reason);
  }

  #lose(reason: string): void {
    const wasOpen = this.isOpen;
    if (!this.#move("lose")) return;
    this.#timer?.cancel();
    this.#writer.clear();
    // The wait keeps the process alive, as the connection did.
    this.#timer = this.#options.clock.setTimer(this.#backoff.next(), () => void this.#dial());
    this.#timer.ref?.();
    if (wasOpen)
      this.#options.listener.onLost(new ConnectionLostError(`the connection to the bus was lost: ${reason}`));
  }

  #move(event: Parameters<typeof nextConnectionState>[1]): boolean {
    const to = nextConnectionState(this.#state, event);
    if (!to) return false;
    this.#state = to;
    this.#options.listener.onState(to);
    return true;
  }
}

function refusalOf({ status, code, reason }: SocketEnd): NotAdmittedError | undefined {
  if (status !== undefined && FINAL_STATUSES.has(status)) {
    return new NotAdmittedError(`the bus does not admit this plugin: ${reason}`);
  }
  if (code !== undefined && isFinalClose(code)) return new NotAdmittedError(`the bus let this plugin go: ${reason}`);
  return undefined;
}
