import { randomUUID } from "node:crypto";

import {
  limit,
  SESSION_SOCKET_PATH,
  WsServerMessageSchema,
  type TerminalSize,
  type WsServerMessage,
  type WsServerMessageOf,
} from "@signalbox/protocol";
import { WebSocket } from "ws";

/** How a connection came to its end. */
export interface SocketEnd {
  /** HTTP status of a server that did not let it in. */
  readonly status: number | undefined;
  readonly code: number;
  readonly reason: string;
}

export interface TerminalSocketSettings {
  readonly serverUrl: string;
  readonly token: string | undefined;
  /** The session or step. */
  readonly id: string;
  readonly onOpen: () => void;
  readonly onTerminal: (message: WsServerMessageOf<"terminal">) => void;
  readonly onEnd: (end: SocketEnd) => void;
}

/** What a server says to a request: yes, or why not. */
export type Answer = { readonly code: string; readonly message: string } | undefined;

/** One connection to the terminal of a session or step. */
export class TerminalSocket implements Disposable {
  readonly #settings: TerminalSocketSettings;
  readonly #ws: WebSocket;
  readonly #waiting = new Map<string, (answer: Answer) => void>();
  #status: number | undefined;

  constructor(settings: TerminalSocketSettings) {
    this.#settings = settings;
    const { serverUrl, token, onOpen } = settings;
    this.#ws = new WebSocket(`${serverUrl.replace(/^http/, "ws")}${SESSION_SOCKET_PATH}`, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      perMessageDeflate: false,
    });
    this.#ws.once("open", onOpen);
    this.#ws.once("unexpected-response", (_, response) => {
      this.#status = response.statusCode;
      this.#ws.terminate();
    });
    this.#ws.on("message", (data) => this.#receive(data as Buffer));
    // What went wrong shows in the close that follows.
    this.#ws.on("error", () => undefined);
    this.#ws.once("close", (code, reason) => this.#ended(code, reason.toString()));
  }

  /** Asks for the output after `offset`, or from so many bytes before the end on. */
  watch(from: { readonly offset: number } | { readonly tail: number }): Promise<Answer> {
    return this.#ask({ type: "subscribe_session", ...from });
  }

  takeKeyboard(): Promise<Answer> {
    return this.#ask({ type: "terminal_control", action: "take" });
  }

  type(text: string): Promise<Answer> {
    const most = limit("terminal.inputBytes");
    let answer: Promise<Answer> = Promise.resolve(undefined);
    for (let at = 0; at < text.length; at += most)
      answer = this.#ask({ type: "terminal_input", data: text.slice(at, at + most) });
    return answer;
  }

  resize(size: TerminalSize): Promise<Answer> {
    return this.#ask({ type: "terminal_resize", size });
  }

  /** Stops reading, so that the server holds its output back; or goes on. */
  hold(isHeld: boolean): void {
    if (this.#ws.readyState !== WebSocket.OPEN) return;
    if (isHeld) this.#ws.pause();
    else this.#ws.resume();
  }

  [Symbol.dispose](): void {
    this.#ws.close(1000);
    // A server that does not answer the close is not waited for.
    setTimeout(() => this.#ws.terminate(), 500).unref();
  }

  #ask(message: object): Promise<Answer> {
    if (this.#ws.readyState !== WebSocket.OPEN) return Promise.resolve(GONE);
    const messageId = randomUUID();
    return new Promise((resolve) => {
      this.#waiting.set(messageId, resolve);
      this.#ws.send(JSON.stringify({ ...message, sessionId: this.#settings.id, messageId }));
    });
  }

  #receive(data: Buffer): void {
    const message = parseMessage(data);
    if (message?.type === "terminal") this.#settings.onTerminal(message);
    else if (message?.type === "ack") this.#answer(message.messageId, undefined);
    else if (message?.type === "error") this.#answer(message.messageId, message);
  }

  #answer(messageId: string | undefined, answer: Answer): void {
    if (messageId === undefined) return;
    this.#waiting.get(messageId)?.(answer);
    this.#waiting.delete(messageId);
  }

  #ended(code: number, reason: string): void {
    for (const answer of this.#waiting.values()) answer(GONE);
    this.#waiting.clear();
    this.#settings.onEnd({ status: this.#status, code, reason });
  }
}

export const GONE = { code: "CONNECTION_LOST", message: "the connection is gone" } as const;

function parseMessage(data: Buffer): WsServerMessage | undefined {
  try {
    return WsServerMessageSchema.safeParse(JSON.parse(data.toString())).data;
  } catch {
    return undefined;
  }
}
