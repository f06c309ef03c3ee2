import { createServer, request as forward, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

import { WebSocket, WebSocketServer, type RawData } from "ws";

/** A network before runners that writes down every byte of every message and request that they send, and changes nothing. */
export class RecordingProxy implements AsyncDisposable {
  readonly #target: string;
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true, handleProtocols: ([first]) => first ?? false });
  readonly #sent: Buffer[] = [];

  private constructor(target: string) {
    this.#target = target;
    this.#server = createServer((incoming, outgoing) => this.#forward(incoming, outgoing));
    this.#server.on("upgrade", (incoming, socket, head) => this.#upgrade(incoming, socket, head));
  }

  /** Listens on one port of the loopback address, before a server. */
  static async before(url: string, port: number): Promise<RecordingProxy> {
    const proxy = new RecordingProxy(url);
    await new Promise<void>((resolve) => proxy.#server.listen(port, "127.0.0.1", resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** All that runners have sent, one message after the other. */
  get sent(): string {
    return Buffer.concat(this.#sent).toString("latin1");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #record(...parts: readonly (string | Buffer)[]): void {
    for (const part of parts) this.#sent.push(Buffer.from(part));
  }

  #forward(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { host: _, ...headers } = incoming.headers;
    this.#record(`${incoming.method} ${incoming.url}\n`, JSON.stringify(headers));
    const onward = forward(new URL(incoming.url ?? "/", this.#target), { method: incoming.method, headers });
    onward.on("response", (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    incoming.on("data", (chunk: Buffer) => this.#record(chunk));
    incoming.pipe(onward);
  }

  #upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { authorization } = incoming.headers;
    this.#record(`${incoming.url}\n`, authorization ?? "");
    const protocol = incoming.headers["sec-websocket-protocol"] ?? "";
    const far = new WebSocket(new URL(incoming.url ?? "", this.#target.replace("http", "ws")), protocol, {
      headers: authorization === undefined ? {} : { authorization },
    });
    far.once("error", () => socket.destroy());
    far.once("open", () => {
      this.#sockets.handleUpgrade(incoming, socket, head, (near) => {
        near.on("message", (data: RawData, isBinary) => {
          this.#record(bytesOf(data), "\n");
          far.send(data, { binary: isBinary });
        });
        far.on("message", (data: RawData, isBinary) => near.send(data, { binary: isBinary }));
        near.once("close", () => far.terminate());
        far.once("close", () => near.terminate());
      });
    });
  }
}

function bytesOf(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data);
}
