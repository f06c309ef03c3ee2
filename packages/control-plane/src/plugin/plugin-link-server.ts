import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import type { BusLimits, PluginAccess } from "@signalbox/messagebus";
import { BUS_SUBPROTOCOL, busServerOptions, type BusBroker } from "@signalbox/messagebus/websocket";
import { DEFAULT_ORG, limit, PLUGIN_LINK_PATH } from "@signalbox/protocol";
import type { PluginRow } from "@signalbox/store";
import { WebSocketServer, type WebSocket } from "ws";

import type { Clock, Timer } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { PluginCredential, PluginCredentials } from "./plugin-credentials.ts";

/** What a `PluginLinkServer` works with. */
export interface PluginLinkServerDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly credentials: PluginCredentials;
  readonly broker: BusBroker;
  readonly limits: BusLimits;
  /** What the manifest of a plugin lets it do; undefined for one that has no business on the bus. */
  readonly accessOf: (plugin: PluginRow) => PluginAccess | undefined;
  /** Told when a plugin has connected, and how its connection ended when it has. */
  readonly onChange: (plugin: PluginRow, end: ConnectionEnd | undefined) => void;
}

/** How a connection ended: a code of WebSockets or of the bus, and whether that is the common way. */
export interface ConnectionEnd {
  readonly code: number;
  readonly reason: string;
  readonly isQuiet: boolean;
}

/** Whether one more caller without a valid credential may come from where this request comes from. */
export type AdmitStranger = (request: IncomingMessage) => boolean;

interface Connected extends PluginCredential {
  readonly since: number;
}

/** Upgrades that are looked up at once; more than this are told to come again. */
const LOOKUPS_AT_ONCE = 64;
/** Gone by itself, gone with its process, and closed by us because we stop. */
const QUIET_ENDS = new Set([1000, 1001, 1005, 1006, 1012]);

/** The sockets of plugins: what an app mounts under `PLUGIN_LINK_PATH`. Who may connect is settled before the upgrade. */
export class PluginLinkServer {
  readonly #deps: PluginLinkServerDeps;
  readonly #server: WebSocketServer;
  readonly #connected = new Map<string, Connected>();
  #lookups = 0;
  #watch: Timer | undefined;
  #isStopped = false;

  constructor(deps: PluginLinkServerDeps) {
    this.#deps = deps;
    this.#server = new WebSocketServer({ ...busServerOptions(deps.limits), noServer: true });
    deps.broker.on("disconnected", ({ pluginId, code, reason }) => {
      const connected = this.#connected.get(pluginId);
      this.#connected.delete(pluginId);
      const isQuiet = QUIET_ENDS.has(code);
      deps.logger[isQuiet ? "info" : "warn"]({ plugin: pluginId, code, reason }, "plugin disconnected");
      if (connected) deps.onChange(connected.plugin, { code, reason, isQuiet });
    });
    deps.broker.on("failed", ({ pluginId, error }) =>
      deps.logger.error({ err: error, plugin: pluginId }, "message of a plugin failed"),
    );
  }

  /** Takes an upgrade to the plugins' path; the app has checked Host and Origin. False: it is another path. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer, admitStranger?: AdmitStranger): boolean {
    if ((request.url ?? "").split("?", 1)[0] !== PLUGIN_LINK_PATH) return false;
    // Nobody else listens to a socket that was upgraded; an error that nobody hears would end the process.
    socket.on("error", () => socket.destroy());
    void this.#upgrade(request, socket, head, admitStranger).catch((error: unknown) => {
      this.#deps.logger.error({ err: error }, "plugin could not be admitted");
      refuse(socket, "500 Internal Server Error");
    });
    return true;
  }

  /** Plugins that are connected. */
  get size(): number {
    return this.#connected.size;
  }

  /** Since when a plugin is connected; undefined when it is not. */
  connectedAt(name: string): number | undefined {
    return this.#connected.get(name)?.since;
  }

  /** Ends the connection of a plugin at once; what it could do ends with this call. */
  disconnect(name: string, reason: string): void {
    this.#deps.broker.revoke(name, reason);
  }

  /** Ends the connection that a credential opened, if there is one. */
  disconnectCredential(credentialId: string): void {
    for (const [name, connected] of this.#connected)
      if (connected.id === credentialId) this.disconnect(name, "its token was revoked");
  }

  /** Closes every connection and takes no more. */
  stop(): void {
    this.#isStopped = true;
    this.#watch?.cancel();
    this.#deps.broker.close();
  }

  /** Ends what did not close by itself. */
  terminate(): void {
    for (const socket of this.#server.clients) socket.terminate();
  }

  async #upgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    admitStranger: AdmitStranger | undefined,
  ): Promise<void> {
    if (this.#isStopped || this.#lookups >= LOOKUPS_AT_ONCE) return refuse(socket, "503 Service Unavailable");
    const credential = await this.#identify(request);
    if (!credential) {
      const isFlood = admitStranger?.(request) === false;
      return refuse(socket, isFlood ? "429 Too Many Requests" : "401 Unauthorized");
    }
    const { plugin } = credential;
    const access = this.#permit(plugin);
    if (typeof access === "string") {
      this.#deps.logger.warn({ plugin: plugin.name, reason: access }, "plugin refused");
      return refuse(socket, "403 Forbidden", access);
    }
    if (this.#isStopped || socket.destroyed) return refuse(socket, "503 Service Unavailable");
    this.#server.handleUpgrade(request, socket, head, (ws) => this.#take(ws, credential, access));
  }

  async #identify(request: IncomingMessage): Promise<PluginCredential | undefined> {
    const bearer = /^Bearer (\S+)$/.exec(request.headers.authorization ?? "")?.[1];
    if (bearer === undefined) return undefined;
    this.#lookups++;
    try {
      return await this.#deps.credentials.authenticate(bearer);
    } finally {
      this.#lookups--;
    }
  }

  /** What a plugin may do, or why it may not connect. */
  #permit(plugin: PluginRow): PluginAccess | string {
    if (plugin.org_id !== DEFAULT_ORG) return `the bus of this server is that of the org ${DEFAULT_ORG}`;
    if (plugin.state !== "approved") return `plugin ${plugin.name} is ${plugin.state}; its manifest must be approved`;
    return this.#deps.accessOf(plugin) ?? `the manifest of plugin ${plugin.name} has nothing to do with the bus`;
  }

  #take(ws: WebSocket, credential: PluginCredential, access: PluginAccess): void {
    if (ws.protocol !== BUS_SUBPROTOCOL) {
      ws.on("error", () => ws.terminate());
      return ws.close(1002, `speak ${BUS_SUBPROTOCOL}`);
    }
    const { broker, clock, logger, onChange } = this.#deps;
    const { plugin } = credential;
    broker.accept(ws, { pluginId: plugin.name, access });
    this.#connected.set(plugin.name, { ...credential, since: clock.now() });
    logger.info({ plugin: plugin.name }, "plugin connected");
    onChange(plugin, undefined);
    this.#watch ??= this.#watchCredentials();
  }

  /** What another server of the installation revoked, and what has run out, ends here before long too. */
  #watchCredentials(): Timer {
    return this.#deps.clock.setTimer(limit("revocation.ms"), () => {
      void this.#closeUnentitled()
        .catch((error: unknown) => this.#deps.logger.warn({ err: error }, "credentials of plugins not checked"))
        .finally(() => {
          const goesOn = !this.#isStopped && this.#connected.size > 0;
          this.#watch = goesOn ? this.#watchCredentials() : undefined;
        });
    });
  }

  async #closeUnentitled(): Promise<void> {
    for (const [name, { id }] of this.#connected) {
      if (await this.#deps.credentials.isStillGood(id)) continue;
      // It may have come back with another one meanwhile.
      if (this.#connected.get(name)?.id === id) this.disconnect(name, "it may not connect any more");
    }
  }
}

function refuse(socket: Duplex, status: string, message = ""): void {
  const body = message === "" ? "" : `${message}\n`;
  const headers = `Connection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}`;
  // A caller that does not hang up is hung up on.
  socket.end(`HTTP/1.1 ${status}\r\n${headers}\r\n\r\n${body}`, () => socket.destroy());
}
