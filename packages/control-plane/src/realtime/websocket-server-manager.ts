import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";

import {
  type ErrorCode,
  limit,
  type LimitLookup,
  permits,
  type Principal,
  toTimestamp,
  type WsApproval,
  type WsClientMessage,
  WsClientMessageSchema,
  type WsServerMessage,
  type WsSubscribeSession,
} from "@signalbox/protocol";
import { EventEmitter } from "eventemitter3";
import { WebSocketServer, type WebSocket } from "ws";

import { systemClock, type Clock, type Timer } from "../clock.ts";
import { LOCAL_CONTEXT } from "../request-context.ts";
import type { TerminalRefusal, Terminals } from "../terminal/terminals.ts";
import { CLOSE_CODES } from "./close-codes.ts";
import { isSameOrigin } from "./same-origin.ts";
import { SessionClient } from "./session-client.ts";

/** What a `WebSocketServerManager` can be told. */
export interface WebSocketServerConfig {
  /** Between two pings; a client that answers none until the next is gone. In milliseconds. Default 30,000. */
  readonly heartbeatIntervalMs?: number;
  /** Whether a client must say who it is. Default true; without it, everybody is the program itself. */
  readonly authRequired?: boolean;
  /** Where clients connect. Default `/ws`. */
  readonly path?: string;
}

/** What a client may do with a session. */
export type SessionUse = "read" | "type";

/** What a `WebSocketServerManager` works with; by itself it has nobody to ask, and lets nobody in who must say who it is. */
export interface WebSocketServerDeps {
  readonly clock: Clock;
  readonly limits: LimitLookup;
  /** Who a token or single-use ticket stands for. */
  readonly authenticate: (credential: string) => Promise<Principal | undefined>;
  /** Whether what was true when a client came still is: its token was not revoked. */
  readonly isStillGood: (principal: Principal) => Promise<boolean>;
  /** Whether there is such a session, and it is the principal's to use so. The scope has been checked. */
  readonly maySee: (principal: Principal, sessionId: string, use: SessionUse) => Promise<boolean>;
  /** What a subscriber that names a cursor is sent, until the signal. Absent: nothing but what is broadcast. */
  readonly follow?: (
    subscription: { readonly principal: Principal; readonly sessionId: string; readonly after: number },
    signal: AbortSignal,
  ) => AsyncIterable<Buffer>;
  /** Terminals that can be watched and typed into. Absent: what is typed is only told as an event. */
  readonly terminals?: TerminalDesk;
}

/** What a client can do with terminals; a refusal is told to it. */
export type TerminalDesk = Pick<Terminals, "watch" | "unwatch" | "leave" | "control" | "type" | "resize">;

/** What happens on the sockets. */
export interface WebSocketServerEvents {
  /** A client has connected; it may not have said yet who it is. */
  connection: (clientId: string) => void;
  /** A client is gone. */
  disconnection: (event: { clientId: string; code: number }) => void;
  /** A client has proven who it is. */
  authenticated: (event: { clientId: string; orgId: string }) => void;
  /** A client follows a session. */
  session_subscribed: (event: { clientId: string; sessionId: string }) => void;
  /** A client follows it no more. */
  session_unsubscribed: (event: { clientId: string; sessionId: string }) => void;
  /** A client that may typed something. */
  terminal_input: (event: { clientId: string; sessionId: string; data: string }) => void;
  /** A client's terminal has this size. */
  terminal_resize: (event: { clientId: string; sessionId: string; columns: number; rows: number }) => void;
}

/** Follows sessions live over WebSockets: events, terminals and approvals, each client what it may see. */
export class WebSocketServerManager extends EventEmitter<WebSocketServerEvents> implements AsyncDisposable {
  readonly #server: Server;
  readonly #deps: WebSocketServerDeps;
  readonly #path: string;
  readonly #authRequired: boolean;
  readonly #heartbeatMs: number;
  readonly #sockets: WebSocketServer;
  readonly #clients = new Map<string, SessionClient>();
  /** Who follows each session. */
  readonly #followers = new Map<string, Set<SessionClient>>();
  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void =>
    void this.handleUpgrade(request, socket, head);
  #beat: Timer | undefined;
  #checks: Timer | undefined;
  #lastClient = 0;

  /** Takes the upgrades to `path` of an HTTP server; others are left to others. */
  constructor(server: Server, config: WebSocketServerConfig = {}, deps: WebSocketServerDeps = standaloneDeps()) {
    super();
    this.#server = server;
    this.#deps = deps;
    this.#path = config.path ?? "/ws";
    this.#authRequired = config.authRequired ?? true;
    this.#heartbeatMs = config.heartbeatIntervalMs ?? 30_000;
    this.#sockets = new WebSocketServer({
      noServer: true,
      maxPayload: deps.limits("socket.messageBytes"),
      perMessageDeflate: false,
    });
    server.on("upgrade", this.#onUpgrade);
    this.#heartbeat();
    this.#checkPrincipals();
  }

  /** How many clients are connected. */
  get clientCount(): number {
    return this.#clients.size;
  }

  /** Tells the followers of a session what happened to it. `seq`, when known, is the cursor to come back with. */
  broadcastSessionEvent(
    sessionId: string,
    action: string,
    data: Readonly<Record<string, unknown>>,
    seq?: number,
  ): void {
    const cursor = seq === undefined ? {} : { seq };
    this.#broadcast(sessionId, { type: "session", sessionId, action, data, timestamp: this.#now(), ...cursor });
  }

  /** Sends terminal output to the followers of a session. `offset`, when known, counts the bytes before it. */
  sendTerminalData(sessionId: string, data: string, offset?: number): void {
    this.#broadcast(sessionId, {
      type: "terminal",
      sessionId,
      action: "output",
      data,
      timestamp: this.#now(),
      ...(offset === undefined ? {} : { offset }),
    });
  }

  /** Tells the followers of a session that a decision is awaited. */
  sendApprovalRequest(sessionId: string, approval: WsApproval): void {
    this.#broadcast(sessionId, {
      type: "approval_required",
      sessionId,
      approval,
      messageId: `approval:${approval.approvalId}`,
      timestamp: this.#now(),
    });
  }

  /**
   * Takes an upgrade to this manager's path. False: it is for somebody else. `principal` is given where who calls is
   * settled already.
   */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer, principal?: Principal): boolean {
    if ((request.url ?? "").split("?", 1)[0] !== this.#path) return false;
    // A page of another origin could make a person's browser connect.
    if (!isSameOrigin(request)) refuseUpgrade(socket, "403 Forbidden");
    else if (this.#clients.size >= this.#deps.limits("http.connections"))
      refuseUpgrade(socket, "503 Service Unavailable");
    else this.#sockets.handleUpgrade(request, socket, head, (ws) => void this.#greet(ws, request, principal));
    return true;
  }

  /** Takes no more clients, and closes those that are there. */
  async close(): Promise<void> {
    this.#server.off("upgrade", this.#onUpgrade);
    this.#beat?.cancel();
    this.#checks?.cancel();
    this.#checks = undefined;
    for (const client of this.#clients.values()) client.close(1012, "the server is stopping");
    for (const ws of this.#sockets.clients) ws.terminate();
    await new Promise<void>((resolve) => this.#sockets.close(() => resolve()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #greet(ws: WebSocket, request: IncomingMessage, known: Principal | undefined): Promise<void> {
    const client = new SessionClient({
      id: `client-${++this.#lastClient}`,
      ws,
      clock: this.#deps.clock,
      limits: this.#deps.limits,
    });
    this.#clients.set(client.id, client);
    ws.on("message", (data, isBinary) => this.#receive(client, data as Buffer, isBinary));
    ws.once("close", (code) => this.#forget(client, code));
    this.emit("connection", client.id);
    const settled = this.#authRequired ? known : LOCAL_CONTEXT.principal;
    if (settled) return client.admit(settled);
    const bearer = /^Bearer (\S+)$/.exec(request.headers.authorization ?? "")?.[1];
    const ticket = new URL(request.url ?? "/", "http://localhost").searchParams.get("ticket");
    const credential = bearer ?? ticket;
    if (credential) await client.inTurn(() => this.#authenticate(client, credential));
    else
      client.expectCredential(() =>
        this.#refuse(client, "UNAUTHORIZED", "Authentication required", CLOSE_CODES.unauthorized),
      );
  }

  #receive(client: SessionClient, data: Buffer, isBinary: boolean): void {
    if (!client.mayTalk()) return this.#refuse(client, "RATE_LIMITED", "too many messages", CLOSE_CODES.tooMany);
    const message = isBinary ? undefined : parseMessage(data);
    // One after the other, so that a subscription does not overtake the credential before it.
    void client.inTurn(() => (message ? this.#handle(client, message) : this.#misunderstood(client)));
  }

  async #misunderstood(client: SessionClient): Promise<void> {
    this.#tellError(client, "VALIDATION_ERROR", "not a message of this socket");
  }

  async #handle(client: SessionClient, message: WsClientMessage): Promise<void> {
    if (message.type === "authenticate") return this.#authenticate(client, message.token, message.messageId);
    const { principal } = client;
    if (!principal) return this.#tellError(client, "UNAUTHORIZED", "Authentication required", message);
    const { sessionId } = message;
    const use: SessionUse =
      message.type === "subscribe_session" || message.type === "unsubscribe_session" ? "read" : "type";
    if (!permits(principal, use === "read" ? "sessions:read" : "sessions:type"))
      return this.#tellError(client, "FORBIDDEN", `this needs the scope sessions:${use}`, message);
    if (!(await this.#deps.maySee(principal, sessionId, use)))
      return this.#tellError(client, "SESSION_NOT_FOUND", `there is no session ${sessionId}`, message);
    const refusal = await this.#carryOut(client, principal, message);
    if (refusal) return this.#tellError(client, refusal.code, refusal.message, message);
    if (message.messageId !== undefined)
      client.send(frame({ type: "ack", messageId: message.messageId, timestamp: this.#now() }));
  }

  async #carryOut(
    client: SessionClient,
    principal: Principal,
    message: Exclude<WsClientMessage, { type: "authenticate" }>,
  ): Promise<TerminalRefusal | undefined> {
    const { sessionId } = message;
    const { terminals } = this.#deps;
    const about = { clientId: client.id, sessionId };
    const user = { clientId: client.id, principal, id: sessionId };
    switch (message.type) {
      case "subscribe_session":
        return this.#subscribe(client, principal, message);
      case "unsubscribe_session":
        this.#unsubscribe(client, sessionId);
        return undefined;
      case "terminal_input":
        this.emit("terminal_input", { ...about, data: message.data });
        return terminals?.type(user, message.data);
      case "terminal_resize":
        this.emit("terminal_resize", { ...about, ...message.size });
        return terminals?.resize(user, message.size);
      case "terminal_control":
        return terminals?.control(user, message.action);
    }
  }

  async #authenticate(client: SessionClient, credential: string, messageId?: string): Promise<void> {
    const principal = await this.#deps.authenticate(credential);
    if (!principal) return this.#refuse(client, "UNAUTHORIZED", "Authentication required", CLOSE_CODES.unauthorized);
    client.admit(principal);
    this.emit("authenticated", { clientId: client.id, orgId: principal.orgId });
    if (messageId !== undefined) client.send(frame({ type: "ack", messageId, timestamp: this.#now() }));
  }

  async #subscribe(
    client: SessionClient,
    principal: Principal,
    { sessionId, after, offset, tail }: WsSubscribeSession,
  ): Promise<TerminalRefusal | undefined> {
    const isNew = client.follow(sessionId);
    if (!isNew && !client.isFollowing(sessionId))
      return { code: "RATE_LIMITED", message: "too many sessions on one socket" };
    if (isNew) this.#follow(client, principal, sessionId, after);
    if (offset === undefined && tail === undefined) return undefined;
    // What follows the answer is the terminal, from there on.
    const user = { clientId: client.id, principal, id: sessionId };
    return this.#deps.terminals?.watch(user, client.terminalSink, { offset, tail });
  }

  #follow(client: SessionClient, principal: Principal, sessionId: string, after: number | undefined): void {
    const followers = this.#followers.get(sessionId);
    if (followers) followers.add(client);
    else this.#followers.set(sessionId, new Set([client]));
    this.emit("session_subscribed", { clientId: client.id, sessionId });
    const { follow } = this.#deps;
    if (after !== undefined && follow) {
      void client.pump(sessionId, (signal) => follow({ principal, sessionId, after }, signal));
    }
  }

  #unsubscribe(client: SessionClient, sessionId: string): void {
    if (!client.leave(sessionId)) return;
    this.#deps.terminals?.unwatch(client.id, sessionId);
    const followers = this.#followers.get(sessionId);
    followers?.delete(client);
    if (followers?.size === 0) this.#followers.delete(sessionId);
    this.emit("session_unsubscribed", { clientId: client.id, sessionId });
  }

  /** Built once, whoever many they are. Those that read from a cursor of their own get it from there. */
  #broadcast(sessionId: string, message: WsServerMessage): void {
    const followers = this.#followers.get(sessionId);
    if (!followers) return;
    const bytes = frame(message);
    for (const client of followers) {
      if (!client.isPumped(sessionId)) client.send(bytes);
    }
  }

  #tellError(
    client: SessionClient,
    code: ErrorCode,
    message: string,
    about?: { readonly messageId?: string | undefined; readonly sessionId?: string },
  ): void {
    const timestamp = this.#now();
    client.send(
      frame({
        type: "error",
        code,
        message,
        timestamp,
        ...(about?.messageId === undefined ? {} : { messageId: about.messageId }),
        ...(about?.sessionId === undefined ? {} : { sessionId: about.sessionId }),
      }),
    );
  }

  #refuse(client: SessionClient, code: ErrorCode, message: string, closeCode: number): void {
    this.#tellError(client, code, message);
    client.close(closeCode, message);
  }

  #forget(client: SessionClient, code: number): void {
    for (const sessionId of client.sessions) this.#unsubscribe(client, sessionId);
    this.#deps.terminals?.leave(client.id);
    client.dispose();
    this.#clients.delete(client.id);
    this.emit("disconnection", { clientId: client.id, code });
  }

  #heartbeat(): void {
    this.#beat = this.#deps.clock.setTimer(this.#heartbeatMs, () => {
      for (const client of this.#clients.values()) client.beat();
      this.#heartbeat();
    });
  }

  /** A token that is revoked ends the sockets that came with it; and no socket stays for ever on what was true when it came. */
  #checkPrincipals(): void {
    const everyMs = this.#deps.limits("revocation.ms") / 2;
    this.#checks = this.#deps.clock.setTimer(everyMs, () => {
      void Promise.all([...this.#clients.values()].map((client) => this.#checkPrincipal(client))).finally(() => {
        if (this.#checks) this.#checkPrincipals();
      });
    });
  }

  async #checkPrincipal(client: SessionClient): Promise<void> {
    const { principal } = client;
    if (client.isOld) return client.close(CLOSE_CODES.goingAway, "come back with your cursor");
    if (!principal || principal.kind === "local" || (await this.#deps.isStillGood(principal))) return;
    this.#refuse(client, "UNAUTHORIZED", "the credential was revoked", CLOSE_CODES.revoked);
  }

  #now(): string {
    return toTimestamp(this.#deps.clock.now());
  }
}

function standaloneDeps(): WebSocketServerDeps {
  return {
    clock: systemClock,
    limits: limit,
    authenticate: async () => undefined,
    isStillGood: async () => true,
    maySee: async () => true,
  };
}

function frame(message: WsServerMessage): Buffer {
  return Buffer.from(JSON.stringify(message));
}

function parseMessage(data: Buffer): WsClientMessage | undefined {
  try {
    return WsClientMessageSchema.safeParse(JSON.parse(data.toString())).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function refuseUpgrade(socket: Duplex, status: string): void {
  socket.on("error", () => undefined);
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
