import type { WebSocket } from "ws";

import type { Clock, Timer } from "../clock.ts";
import type { BusLimits } from "../limits.ts";
import { CLOSE } from "./close-codes.ts";
import { FrameWriter, messageBytes } from "./frame-writer.ts";
import { ReadRate } from "./read-rate.ts";

/** What comes from a socket. `onEnd` is called once, whatever the cause, and nothing after it. */
export interface BrokerSocketListener {
  /** The text of one WebSocket message. Returns how many frames in it count against the plugin's rate. */
  onText(text: string): number;
  onEnd(code: number, reason: string): void;
}

export interface BrokerSocketOptions {
  readonly socket: WebSocket;
  readonly limits: BusLimits;
  readonly clock: Clock;
  readonly listener: BrokerSocketListener;
}

/** For a peer to answer a close, before its socket is cut. */
const CLOSE_MS = 1_000;
/** Heartbeats without any sign of life before a connection counts as dead. */
const SILENT_HEARTBEATS = 2.5;

/**
 * The broker's end of one connection: batches what goes out, keeps it within bounds, reads no faster than allowed, and
 * notices when nobody is there any more. When it is over here it is over: what the peer still sends is not looked at.
 */
export class BrokerSocket {
  readonly #socket: WebSocket;
  readonly #limits: BusLimits;
  readonly #clock: Clock;
  readonly #listener: BrokerSocketListener;
  readonly #writer: FrameWriter;
  readonly #rate: ReadRate;
  readonly #mostBytes: number;
  #isOver = false;
  #heartbeat: Timer | undefined;
  #resuming: Timer | undefined;
  #lastTrafficMs: number;

  constructor({ socket, limits, clock, listener }: BrokerSocketOptions) {
    this.#socket = socket;
    this.#limits = limits;
    this.#clock = clock;
    this.#listener = listener;
    this.#writer = new FrameWriter((text) => socket.send(text));
    this.#mostBytes = messageBytes(limits);
    this.#rate = new ReadRate(limits["connection.framesPerSecond"], clock.monotonic());
    this.#lastTrafficMs = clock.monotonic();
    socket.on("message", (data, isBinary) => this.#receive(data as Buffer, isBinary));
    socket.on("pong", () => this.#sawTraffic());
    socket.on("ping", () => this.#sawTraffic());
    // What ws itself refuses, it also closes; `close` follows.
    socket.on("error", () => {});
    socket.on("close", (code, reason) => this.#end(code, reason.toString()));
    this.#beat();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Sends a frame with the others of this turn. A reader that is too slow is closed instead. */
  send(frame: string): void {
    if (this.#isOver) return;
    this.#writer.add(frame);
    const waiting = this.#socket.bufferedAmount + this.#writer.waiting;
    if (waiting > this.#limits["connection.bufferedBytes"]) this.close(CLOSE.slowReader, "slow reader");
  }

  /** Ends it at once on this side, and closes. */
  close(code: number, reason: string): void {
    if (this.#isOver) return;
    this.#writer.flush();
    this.#end(code, reason);
    // The peer's answer to the close is to be read.
    this.#socket.resume();
    this.#socket.close(code, shortReason(reason));
    const cutting = this.#clock.setTimer(CLOSE_MS, () => this.#socket.terminate());
    this.#socket.once("close", () => cutting.cancel());
  }

  /** Cuts it without a word. */
  terminate(): void {
    this.#end(1006, "cut");
    this.#socket.terminate();
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (this.#isOver) return;
    this.#sawTraffic();
    if (isBinary) return this.close(1003, "text only");
    if (data.length > this.#mostBytes) return this.close(CLOSE.tooBig, "message too big");
    const pauseMs = this.#rate.spend(this.#listener.onText(data.toString()), this.#clock.monotonic());
    if (pauseMs > 0 && !this.#isOver) this.#pause(pauseMs);
  }

  /** What the plugin sends too fast waits in its own queue. */
  #pause(pauseMs: number): void {
    this.#socket.pause();
    this.#resuming?.cancel();
    this.#resuming = this.#clock.setTimer(pauseMs, () => {
      this.#sawTraffic();
      this.#socket.resume();
    });
  }

  #beat(): void {
    const everyMs = this.#limits["connection.heartbeatMs"];
    this.#heartbeat = this.#clock.setTimer(everyMs, () => {
      if (this.#clock.monotonic() - this.#lastTrafficMs > SILENT_HEARTBEATS * everyMs) return this.terminate();
      this.#socket.ping();
      this.#beat();
    });
  }

  #sawTraffic(): void {
    this.#lastTrafficMs = this.#clock.monotonic();
  }

  #end(code: number, reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#heartbeat?.cancel();
    this.#resuming?.cancel();
    this.#listener.onEnd(code, reason);
  }
}

/** A close frame has room for 123 bytes. */
function shortReason(reason: string): string {
  const bytes = Buffer.from(reason);
  // A character that was cut through decodes to one that says so.
  return bytes.length <= 123
    ? reason
    : bytes
        .subarray(0, 119)
        .toString()
        .replace(/\uFFFD+$/, "") + "…";
}
