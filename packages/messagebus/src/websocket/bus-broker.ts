import { EventEmitter } from "node:events";
import type { ServerOptions, WebSocket } from "ws";

import { AccessList } from "../access/access-list.ts";
import type { PluginAccess } from "../access/plugin-access.ts";
import { systemClock, type Clock } from "../clock.ts";
import { ConnectionLostError, InvalidPluginIdError } from "../errors.ts";
import { RandomIds, type RandomFill } from "../ids.ts";
import { busLimits, type BusLimits } from "../limits.ts";
import { describe } from "../listener-errors.ts";
import type { Message } from "../message.ts";
import { ANONYMOUS_ID, SYSTEM_ID } from "../plugin-id.ts";
import type { Transport } from "../transport.ts";
import { BrokerConnection } from "./broker-connection.ts";
import { CLOSE } from "./close-codes.ts";
import { messageBytes } from "./frame-writer.ts";
import { BUS_SUBPROTOCOL } from "./frames.ts";
import { spellBrokerFrame } from "./spell-frames.ts";

/** What a broker is made with. */
export interface BusBrokerOptions {
  /** The bus that the plugins take part in. Its limits are those of the connections. */
  readonly hub: Transport;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Where message and correlation ids come from. Default: the machine's randomness. */
  readonly randomFill?: RandomFill;
}

/** Who connects, as whoever accepts the socket has established it. */
export interface ConnectedPlugin {
  readonly pluginId: string;
  readonly access: PluginAccess;
}

/** What a broker tells. */
export interface BusBrokerEvents {
  /** A plugin takes part. */
  connected: [{ readonly pluginId: string }];
  /** A connection has ended; `code` is a WebSocket close code, see `CLOSE_CODES`. */
  disconnected: [{ readonly pluginId: string; readonly code: number; readonly reason: string }];
  /** Something of this process failed while it did what a plugin wanted; the connection was closed. Unheard, it is a process warning. */
  failed: [{ readonly pluginId: string; readonly error: unknown }];
}

/**
 * Lets plugins in other processes take part in a hub, over WebSockets that somebody else has authenticated. The sender of a
 * message is the plugin of its connection, and an access list bounds what it can send, read, ask and serve. Of two connections
 * of one plugin the newer stays.
 */
export class BusBroker extends EventEmitter<BusBrokerEvents> implements AsyncDisposable {
  readonly #hub: Transport;
  readonly #clock: Clock;
  readonly #ids: RandomIds;
  readonly #connections = new Map<string, BrokerConnection>();
  #lastMessage: Message | undefined;
  #lastFrame: string | undefined;
  #isClosed = false;

  constructor({ hub, clock = systemClock, randomFill }: BusBrokerOptions) {
    super();
    this.#hub = hub;
    this.#clock = clock;
    this.#ids = new RandomIds(randomFill);
  }

  /** The ids of the plugins that are connected. */
  get plugins(): string[] {
    return [...this.#connections.keys()];
  }

  /**
   * Takes a socket that has just been opened, in the same turn, so that no frame is lost. Throws an InvalidPluginIdError,
   * an InvalidTopicError or a ZodError when id or access list cannot be, and a ConnectionLostError after `close`.
   */
  accept(socket: WebSocket, { pluginId, access }: ConnectedPlugin): void {
    if (this.#isClosed) throw new ConnectionLostError("the broker is closed");
    if (pluginId === SYSTEM_ID || pluginId === ANONYMOUS_ID) {
      throw new InvalidPluginIdError(`no plugin connects as ${pluginId}`);
    }
    const list = new AccessList(pluginId, access, this.#hub.limits);
    this.#connections.get(pluginId)?.close(CLOSE.replaced, "a newer connection has taken its place");
    const connection = new BrokerConnection({
      socket,
      access: list,
      hub: this.#hub,
      clock: this.#clock,
      ids: this.#ids,
      spell: (message) => this.#spell(message),
      onFailure: (error) => this.#failed(pluginId, error),
      onEnd: (code, reason) => this.#ended(connection, code, reason),
    });
    this.#connections.set(pluginId, connection);
    connection.open();
    this.emit("connected", { pluginId });
  }

  /** Ends the connection of a plugin at once; it does not come back by itself. False when there was none. */
  revoke(pluginId: string, reason = "revoked"): boolean {
    const connection = this.#connections.get(pluginId);
    connection?.close(CLOSE.revoked, reason);
    return connection !== undefined;
  }

  /** Ends every connection; the plugins come back when there is a server again. */
  close(): void {
    this.#isClosed = true;
    for (const connection of this.#connections.values()) connection.close(CLOSE.away, "the server is stopping");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  #ended(connection: BrokerConnection, code: number, reason: string): void {
    const { pluginId } = connection;
    if (this.#connections.get(pluginId) === connection) this.#connections.delete(pluginId);
    this.emit("disconnected", { pluginId, code, reason });
  }

  #failed(pluginId: string, error: unknown): void {
    if (this.emit("failed", { pluginId, error })) return;
    process.emitWarning(`the connection of plugin ${pluginId} failed: ${describe(error)}`, {
      type: "SignalboxBusWarning",
      ...(error instanceof Error && error.stack ? { detail: error.stack } : {}),
    });
  }

  /** A message goes to many plugins one after the other, and is written once. */
  #spell(message: Message): string | undefined {
    if (message !== this.#lastMessage) {
      this.#lastMessage = message;
      this.#lastFrame = trySpell(message);
    }
    return this.#lastFrame;
  }
}

/** What the server that accepts the sockets must be made with: nothing larger than allowed is read, nothing is compressed. */
export function busServerOptions(limits: BusLimits = busLimits()): ServerOptions {
  return {
    noServer: true,
    maxPayload: messageBytes(limits),
    perMessageDeflate: false,
    handleProtocols: (offered) => offered.has(BUS_SUBPROTOCOL) && BUS_SUBPROTOCOL,
  };
}

function trySpell(message: Message): string | undefined {
  try {
    return spellBrokerFrame.message(message);
  } catch {
    // It was JSON data when it was checked; a getter can say something else each time. Its sender harms itself alone.
    return undefined;
  }
}
