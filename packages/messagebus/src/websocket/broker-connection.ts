import type { WebSocket } from "ws";

import type { AccessList } from "../access/access-list.ts";
import type { Clock } from "../clock.ts";
import { InvalidMessageError } from "../errors.ts";
import type { RandomIds } from "../ids.ts";
import type { BusLimits } from "../limits.ts";
import type { Message } from "../message.ts";
import type { Transport } from "../transport.ts";
import { BrokerSocket } from "./broker-socket.ts";
import { CLOSE } from "./close-codes.ts";
import { readFrames, type FrameTaker } from "./frame-reader.ts";
import { PluginFrameSchema, type PluginFrame } from "./frames.ts";
import { PluginSession } from "./plugin-session.ts";
import { spellBrokerFrame } from "./spell-frames.ts";

/** What connections are made with. */
export interface BrokerConnectionOptions {
  readonly socket: WebSocket;
  readonly access: AccessList;
  readonly hub: Transport;
  readonly clock: Clock;
  readonly ids: RandomIds;
  readonly spell: (message: Message) => string | undefined;
  /** Something of this process failed, through no fault of the plugin. */
  readonly onFailure: (error: unknown) => void;
  readonly onEnd: (code: number, reason: string) => void;
}

/** A socket and the session behind it: reads frames, counts bad ones, and ends both together. */
export class BrokerConnection implements FrameTaker<PluginFrame> {
  readonly pluginId: string;
  readonly #limits: BusLimits;
  readonly #socket: BrokerSocket;
  readonly #session: PluginSession;
  readonly #onFailure: (error: unknown) => void;
  #badFrames = 0;
  #counted = 0;

  constructor({ socket, access, hub, clock, ids, spell, onFailure, onEnd }: BrokerConnectionOptions) {
    this.pluginId = access.pluginId;
    this.#limits = hub.limits;
    this.#onFailure = onFailure;
    const send = (frame: string) => this.#socket.send(frame);
    const onCutOff = () => this.close(CLOSE.away, "the hub was closed");
    this.#session = new PluginSession({ access, hub, clock, ids, send, spell, onCutOff });
    const listener = {
      onText: (text: string) => this.#read(text),
      onEnd: (code: number, reason: string) => {
        this.#session.end();
        onEnd(code, reason);
      },
    };
    this.#socket = new BrokerSocket({ socket, limits: hub.limits, clock, listener });
  }

  get isOver(): boolean {
    return this.#socket.isOver;
  }

  /** Says the first word. */
  open(): void {
    const { pluginId } = this;
    this.#socket.send(spellBrokerFrame.welcome({ pluginId, heartbeatMs: this.#limits["connection.heartbeatMs"] }));
  }

  /** What the plugin could do ends now, with our word. */
  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  take(frame: PluginFrame): void {
    if (!this.#session.isAwaited(frame)) this.#counted++;
    try {
      this.#session.take(frame);
    } catch (error) {
      this.#onFailure(error);
      this.close(1011, "try again");
    }
  }

  refuse(reason: string, id: number | undefined): void {
    this.#counted++;
    const error = new InvalidMessageError(`a frame is not of this protocol: ${reason}`);
    this.#socket.send(id === undefined ? spellBrokerFrame.refused(error) : spellBrokerFrame.fail(id, error));
    if (++this.#badFrames >= this.#limits["connection.badFrames"]) this.close(CLOSE.badFrames, "too many bad frames");
  }

  #read(text: string): number {
    this.#counted = 0;
    this.#session.begin(text.length);
    readFrames(text, PluginFrameSchema, this);
    this.#session.acknowledge();
    return this.#counted;
  }
}
