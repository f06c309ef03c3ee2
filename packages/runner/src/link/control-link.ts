import {
  CONTROL_SUBPROTOCOL,
  ControlMessageSchema,
  helloPreimage,
  limit,
  RUNNER_PATHS,
  type ControlMessage,
  type ControlMessageOf,
  type RunnerMessage,
  type RunnerMessageOf,
} from "@signalbox/protocol";
import type { WebSocket } from "ws";
import * as z from "zod";

import type { RunnerIdentity } from "../identity/identity.ts";
import { serverAddress } from "../identity/server-url.ts";
import type { Logger } from "../logger.ts";
import type { Clock, Timer } from "../process/clock.ts";
import { Backoff } from "./backoff.ts";
import { dialSocket, type SocketEnd } from "./client-socket.ts";
import { endOfRefusal, endOfSocket, type LinkEnd } from "./link-end.ts";

/** The versions of the runner protocol that this runner speaks. */
export const PROTOCOL_VERSIONS = { min: 1, max: 1 } as const;

/** What a hello says beside who is speaking. */
export type HelloFacts = Omit<RunnerMessageOf<"hello">, "type" | "protocol" | "runnerId" | "signature">;

/** What the rest of the runner does with the link. */
export interface ControlLinkListener {
  /** Asked at each connection. */
  hello(): HelloFacts;
  onWelcome(welcome: ControlMessageOf<"welcome">): void;
  onMessage(message: ControlMessage): void;
  /** A start that does not have the documented shape: somebody waits for its end all the same. */
  onUnreadableStart(held: { attemptId: string; epoch: number }): void;
  /** A heartbeat, asked for at the interval that the server sent. */
  heartbeat(): RunnerMessageOf<"heartbeat">;
  onLost(): void;
}

export interface ControlLinkSettings {
  readonly server: URL;
  readonly identity: RunnerIdentity;
  readonly listener: ControlLinkListener;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

/** Intervals without any sign of life before the connection counts as dead. */
const SILENT_INTERVALS = 2.5;

/**
 * The control channel: dials, proves who the runner is, beats, and dials again with full jitter whenever the socket is
 * gone. A lost connection ends no work. `ended` resolves when the control plane refuses this runner for good.
 */
export class ControlLink implements AsyncDisposable {
  readonly ended: Promise<LinkEnd>;
  readonly #settings: ControlLinkSettings;
  readonly #backoff: Backoff;
  #end: (end: LinkEnd) => void = () => undefined;
  #socket: WebSocket | undefined;
  #isWelcome = false;
  #features: ReadonlySet<string> = new Set();
  #isClosed = false;
  #retryAfterMs = 0;
  #lastTrafficMs = 0;
  #timer: Timer | undefined;

  constructor(settings: ControlLinkSettings) {
    this.#settings = settings;
    this.#backoff = new Backoff({ random: settings.random });
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  /** Whether messages reach the control plane now. */
  get isOpen(): boolean {
    return this.#isWelcome;
  }

  /** Dials for the first time. */
  start(): void {
    this.#dial();
  }

  /** Whether the message went out. One that did not is not kept: whoever sent it says it again after the welcome. */
  send(message: RunnerMessage): boolean {
    if (!this.#isWelcome || !this.#socket) return false;
    // A control plane that does not know it would take it for nonsense, and hang up.
    if (FEATURES.has(message.type) && !this.#features.has(message.type)) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** Hangs up for good, after what was sent has left. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    const socket = this.#socket;
    if (!socket) return;
    await new Promise<void>((resolve) => {
      const cutting = this.#settings.clock.setTimer(CLOSE_MS, () => socket.terminate());
      socket.once("close", () => {
        cutting.cancel();
        resolve();
      });
      socket.close(1000);
    });
  }

  #dial(): void {
    const { server, clock } = this.#settings;
    const socket = dialSocket({
      address: serverAddress(server, RUNNER_PATHS.control, "socket"),
      subprotocol: CONTROL_SUBPROTOCOL,
      listener: {
        onOpen: () => this.#settings.logger.debug({}, "control channel open"),
        onTraffic: () => (this.#lastTrafficMs = clock.monotonic()),
        onMessage: (data, isBinary) => this.#receive(socket, data, isBinary),
        onEnd: (end) => this.#lose(end),
      },
    });
    this.#socket = socket;
    this.#lastTrafficMs = clock.monotonic();
    // The server speaks first; one that accepts the socket and says nothing must not hold the runner for ever.
    this.#timer = clock.setTimer(2 * limit("runner.helloMs"), () => socket.terminate());
  }

  #receive(socket: WebSocket, data: Buffer, isBinary: boolean): void {
    const value = isBinary ? undefined : parseJson(data);
    const message = ControlMessageSchema.safeParse(value).data;
    if (message) return this.#handle(socket, message);
    this.#settings.logger.warn(
      { bytes: data.length },
      "a message of the control plane does not have the documented shape",
    );
    const start = UnreadableStartSchema.safeParse(value).data;
    if (start && this.#isWelcome) this.#settings.listener.onUnreadableStart(start.grant);
  }

  #handle(socket: WebSocket, message: ControlMessage): void {
    if (message.type === "challenge") this.#greet(socket, message);
    else if (message.type === "refused") this.#refused(socket, message);
    else if (message.type === "retired") this.#endWith({ cause: "retired", message: message.reason });
    else if (message.type === "welcome") this.#welcome(message);
    else if (this.#isWelcome) this.#settings.listener.onMessage(message);
  }

  #greet(socket: WebSocket, { nonce, protocol }: ControlMessageOf<"challenge">): void {
    const { identity, listener } = this.#settings;
    if (protocol.max < PROTOCOL_VERSIONS.min || protocol.min > PROTOCOL_VERSIONS.max) {
      const [ours, theirs] = [PROTOCOL_VERSIONS, protocol].map(({ min, max }) => `${min} to ${max}`);
      this.#endWith({ cause: "refused", message: `this runner speaks protocol ${ours}, the server ${theirs}` });
      return;
    }
    const hello: RunnerMessageOf<"hello"> = {
      type: "hello",
      protocol: PROTOCOL_VERSIONS,
      runnerId: identity.runnerId,
      signature: identity.key.sign(helloPreimage(nonce, identity.runnerId)),
      ...listener.hello(),
    };
    socket.send(JSON.stringify(hello));
  }

  #welcome(welcome: ControlMessageOf<"welcome">): void {
    this.#timer?.cancel();
    this.#isWelcome = true;
    this.#features = new Set(welcome.features);
    this.#backoff.reset();
    this.#retryAfterMs = 0;
    this.#settings.logger.info({ connectionId: welcome.connectionId }, "connected to the control plane");
    this.#settings.listener.onWelcome(welcome);
    this.#beat(welcome.intervals.heartbeatMs);
  }

  #beat(heartbeatMs: number): void {
    const { clock, listener, logger } = this.#settings;
    this.#timer = clock.setTimer(heartbeatMs, () => {
      const silentMs = clock.monotonic() - this.#lastTrafficMs;
      if (silentMs > SILENT_INTERVALS * heartbeatMs) {
        logger.warn({ silentMs }, "nothing was heard of the control plane; dialling again");
        this.#socket?.terminate();
        return;
      }
      this.send(listener.heartbeat());
      this.#socket?.ping();
      this.#beat(heartbeatMs);
    });
  }

  #refused(socket: WebSocket, refusal: ControlMessageOf<"refused">): void {
    const end = endOfRefusal(refusal);
    if (end) return this.#endWith(end);
    this.#retryAfterMs = refusal.retryAfterMs ?? 0;
    socket.close(1000);
  }

  #lose(socketEnd: SocketEnd): void {
    const wasWelcome = this.#isWelcome;
    this.#isWelcome = false;
    this.#socket = undefined;
    this.#timer?.cancel();
    if (wasWelcome) this.#settings.listener.onLost();
    if (this.#isClosed) return;
    const end = endOfSocket(socketEnd);
    if (end) return this.#endWith(end);

    const waitMs = this.#backoff.next(this.#retryAfterMs);
    this.#settings.logger.warn({ reason: socketEnd.reason, waitMs }, "no connection to the control plane");
    this.#timer = this.#settings.clock.setTimer(waitMs, () => this.#dial());
  }

  #endWith(end: LinkEnd): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#socket?.close(1000);
    this.#end(end);
  }
}

/** Messages that not every control plane of this version knows. */
const FEATURES: ReadonlySet<RunnerMessage["type"]> = new Set(["agent_ended"]);

/** For the closing handshake. */
const CLOSE_MS = 1_000;

const UnreadableStartSchema = z.object({
  type: z.literal("start"),
  grant: z.object({ attemptId: z.string(), epoch: z.int().min(1) }),
});

function parseJson(data: Buffer): unknown {
  try {
    return JSON.parse(data.toString());
  } catch {
    return undefined;
  }
}
