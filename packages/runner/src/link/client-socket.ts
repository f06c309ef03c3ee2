import { limit } from "@signalbox/protocol";
import { WebSocket } from "ws";

/** How a socket came to its end: what the server's upgrade answered, or the code that it was closed with. */
export interface SocketEnd {
  /** HTTP status when the upgrade was refused. */
  readonly status?: number;
  readonly code?: number;
  readonly reason: string;
}

/** What happens on a socket. `onEnd` is called once, whatever the cause. */
export interface SocketListener {
  onOpen(): void;
  onMessage(data: Buffer, isBinary: boolean): void;
  /** Any sign of life, answers to pings included. */
  onTraffic(): void;
  onEnd(end: SocketEnd): void;
}

/** Dials one WebSocket. No redirects, no compression, and nothing larger than a control message may come in. */
export function dialSocket(request: {
  readonly address: string;
  readonly subprotocol: string;
  readonly bearer?: string;
  readonly listener: SocketListener;
}): WebSocket {
  const { address, subprotocol, bearer, listener } = request;
  const socket = new WebSocket(address, [subprotocol], {
    ...(bearer === undefined ? {} : { headers: { authorization: `Bearer ${bearer}` } }),
    handshakeTimeout: limit("runner.helloMs"),
    maxPayload: limit("link.messageBytes"),
    perMessageDeflate: false,
  });
  let failure: SocketEnd | undefined;
  socket.on("open", () => listener.onOpen());
  socket.on("message", (data, isBinary) => {
    listener.onTraffic();
    // The default of ws: one Buffer per message.
    listener.onMessage(data as Buffer, isBinary);
  });
  socket.on("pong", () => listener.onTraffic());
  socket.on("ping", () => listener.onTraffic());
  socket.on("unexpected-response", (call, response) => {
    failure = { status: response.statusCode ?? 0, reason: `the server answered ${response.statusCode}` };
    response.resume();
    call.destroy();
    socket.terminate();
  });
  socket.on("error", (error) => (failure ??= { reason: error.message }));
  socket.on("close", (code, reason) => {
    const closed = { code, reason: reason.length > 0 ? reason.toString() : `closed with ${code}` };
    listener.onEnd(failure ?? closed);
  });
  return socket;
}
