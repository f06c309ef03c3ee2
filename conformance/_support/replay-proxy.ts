import { createServer, request as forward, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

import { WebSocket, WebSocketServer, type RawData } from "ws";

import type { SeededRandom } from "./seeded-random.ts";

interface Frame {
  readonly data: RawData;
  readonly isBinary: boolean;
}

/** Greetings are said once by their nature: what is said again is everything after them. */
const GREETINGS = /^\{"type":"(hello|challenge|welcome|refused|retired)"/;
const ARCHIVE_FRAMES = 500;

/**
 * A network before one runner that repeats itself, at the level of messages: it speaks WebSocket to both sides, says
 * some frames twice, and now and then says one again that it has carried long before, also on a connection that is gone.
 */
export class ReplayProxy implements AsyncDisposable {
  readonly #target: string;
  readonly #random: SeededRandom;
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true, handleProtocols: ([first]) => first ?? false });
  readonly #archives = new Map<string, Frame[]>();
  replayed = 0;

  private constructor(target: string, random: SeededRandom) {
    this.#target = target;
    this.#random = random;
    this.#server = createServer((incoming, outgoing) => this.#forward(incoming, outgoing));
    this.#server.on("upgrade", (incoming, socket, head) => this.#upgrade(incoming, socket, head));
  }

  /** Listens before a server, on a free port of the loopback address. */
  static async before(url: string, random: SeededRandom): Promise<ReplayProxy> {
    const proxy = new ReplayProxy(url, random);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Cuts the sockets of all runners; they will be back. */
  cut(): void {
    for (const socket of this.#sockets.clients) socket.terminate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #forward(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { host: _, ...headers } = incoming.headers;
    const onward = forward(new URL(incoming.url ?? "/", this.#target), { method: incoming.method, headers });
    onward.on("response", (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    incoming.pipe(onward);
  }

  #upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    const path = incoming.url ?? "";
    const { authorization } = incoming.headers;
    const protocol = incoming.headers["sec-websocket-protocol"] ?? "";
    const far = new WebSocket(new URL(path, this.#target.replace("http", "ws")), protocol, {
      headers: authorization === undefined ? {} : { authorization },
    });
    far.once("error", () => socket.destroy());
    far.once("open", () => {
      this.#sockets.handleUpgrade(incoming, socket, head, (near) => {
        this.#carry(near, far, `${path} up`);
        this.#carry(far, near, `${path} down`);
      });
    });
    // What the server says before the other side is there must not be lost.
    far.pause();
    far.once("open", () => setImmediate(() => far.resume()));
  }

  #carry(from: WebSocket, to: WebSocket, name: string): void {
    from.on("error", () => to.terminate());
    from.on("close", (code) => (isSendable(code) ? to.close(code) : to.terminate()));
    from.on("message", (data, isBinary) => {
      const frame = { data, isBinary };
      send(to, frame);
      if (!isBinary && GREETINGS.test(toText(data))) return;
      if (this.#random(3) === 0) this.#repeat(to, frame);
      const archive = this.#archiveOf(name);
      if (this.#random(4) === 0) this.#repeat(to, archive[this.#random(archive.length)]);
      archive.push(frame);
      if (archive.length > ARCHIVE_FRAMES) archive.shift();
    });
  }

  #repeat(to: WebSocket, frame: Frame | undefined): void {
    if (!frame) return;
    this.replayed++;
    send(to, frame);
  }

  #archiveOf(name: string): Frame[] {
    const archive = this.#archives.get(name) ?? [];
    this.#archives.set(name, archive);
    return archive;
  }
}

function send(to: WebSocket, { data, isBinary }: Frame): void {
  if (to.readyState === WebSocket.OPEN) to.send(data as Buffer, { binary: isBinary });
}

function toText(data: RawData): string {
  return Buffer.isBuffer(data) ? data.subarray(0, 40).toString() : "";
}

/** Codes that an application may send; the others only say how a connection was lost. */
function isSendable(code: number): boolean {
  return code === 1000 || (code >= 3000 && code <= 4999);
}
