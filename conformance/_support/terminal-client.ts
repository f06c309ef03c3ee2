import { once } from "node:events";

import { SESSION_SOCKET_PATH, type WsServerMessage, type WsServerMessageOf } from "@signalbox/protocol";
import { WebSocket } from "ws";

/** Somebody at the socket of sessions, who watches one terminal and may type into it. */
export class TerminalClient implements AsyncDisposable {
  readonly messages: WsServerMessage[] = [];
  /** How the connection ended. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  readonly #ws: WebSocket;
  readonly #id: string;
  #lastMessage = 0;

  /** Connects; `id` is that of a session, a run or a step. */
  static async connect(server: { readonly url: string; readonly token: string }, id: string): Promise<TerminalClient> {
    const ws = new WebSocket(`${server.url.replace("http", "ws")}${SESSION_SOCKET_PATH}`, {
      headers: { authorization: `Bearer ${server.token}` },
    });
    const client = new TerminalClient(ws, id);
    await once(ws, "open");
    return client;
  }

  private constructor(ws: WebSocket, id: string) {
    this.#ws = ws;
    this.#id = id;
    ws.on("message", (data) => this.messages.push(JSON.parse((data as Buffer).toString()) as WsServerMessage));
    this.closed = new Promise((resolve) =>
      ws.once("close", (code, reason) => resolve({ code, reason: reason.toString() })),
    );
  }

  /** What the terminal showed, as text. */
  get text(): string {
    return this.output.map(({ data }) => data).join("");
  }

  get output(): readonly WsServerMessageOf<"terminal">[] {
    return this.#terminal.filter(({ action }) => action === "output");
  }

  /** The bytes up to which everything is here. */
  get offset(): number {
    const last = this.#terminal.findLast(({ offset }) => offset !== undefined);
    return (last?.offset ?? 0) + (last?.length ?? 0);
  }

  get notes(): readonly string[] {
    return this.#terminal.filter(({ action }) => action === "control").map(({ data }) => data);
  }

  get sizes(): readonly string[] {
    return this.#terminal.filter(({ action }) => action === "resize").map(({ data }) => data);
  }

  get errors(): readonly string[] {
    return this.messages.flatMap((message) => (message.type === "error" ? [message.code] : []));
  }

  /** What happened to the session, of one family of events. */
  happenings(family: string): readonly WsServerMessageOf<"session">[] {
    return this.messages.filter((message) => message.type === "session" && message.action.startsWith(family)) as never;
  }

  /** Follows what happens to the session, from a cursor of its log on. */
  follow({ after }: { readonly after: number }): void {
    this.#say({ type: "subscribe_session", after });
  }

  watch(from: { readonly offset?: number; readonly tail?: number } = { offset: 0 }): void {
    this.#say({ type: "subscribe_session", ...from });
  }

  take(): void {
    this.#say({ type: "terminal_control", action: "take" });
  }

  release(): void {
    this.#say({ type: "terminal_control", action: "release" });
  }

  type(data: string): void {
    this.#say({ type: "terminal_input", data });
  }

  resize(columns: number, rows: number): void {
    this.#say({ type: "terminal_resize", size: { columns, rows } });
  }

  /** Does not read any more. */
  stall(): void {
    this.#ws.pause();
  }

  /** Reads again. */
  goOn(): void {
    this.#ws.resume();
  }

  /** Is gone, without a goodbye. */
  vanish(): void {
    this.#ws.terminate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ws.terminate();
    await this.closed;
  }

  get #terminal(): readonly WsServerMessageOf<"terminal">[] {
    return this.messages.filter((message) => message.type === "terminal");
  }

  #say(message: object): void {
    this.#ws.send(JSON.stringify({ ...message, sessionId: this.#id, messageId: `m${++this.#lastMessage}` }));
  }
}
