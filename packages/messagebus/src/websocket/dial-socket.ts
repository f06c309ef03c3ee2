import { WebSocket } from "ws";

import { BUS_SUBPROTOCOL } from "./frames.ts";

/** How a socket came to its end: what the upgrade was answered with, or the code that it was closed with. */
export interface SocketEnd {
  /** HTTP status when the upgrade was refused. */
  readonly status?: number;
  readonly code?: number;
  readonly reason: string;
}

/** What happens on a socket. `onEnd` is called once, whatever the cause. */
export interface SocketListener {
  onText(text: string): void;
  /** Any sign of life. */
  onTraffic(): void;
  onEnd(end: SocketEnd): void;
}

export interface DialRequest {
  readonly url: URL;
  readonly token: string;
  readonly handshakeMs: number;
  readonly maxPayload: number;
  readonly listener: SocketListener;
}

/** Dials one WebSocket. No redirects, which could carry the token elsewhere; no compression. */
export function dialSocket({ url, token, handshakeMs, maxPayload, listener }: DialRequest): WebSocket {
  const socket = new WebSocket(url, [BUS_SUBPROTOCOL], {
    headers: { authorization: `Bearer ${token}` },
    handshakeTimeout: handshakeMs,
    maxPayload,
    perMessageDeflate: false,
    followRedirects: false,
  });
  let failure: SocketEnd | undefined;
  socket.on("message", (data, isBinary) => {
    listener.onTraffic();
    // The default of ws: one Buffer per message. A broker sends text only.
    if (!isBinary) listener.onText((data as Buffer).toString());
  });
  socket.on("ping", () => listener.onTraffic());
  socket.on("unexpected-response", (call, response) => {
    failure = { status: response.statusCode ?? 0, reason: `the server answered ${response.statusCode}` };
    response.resume();
    call.destroy();
    socket.terminate();
  });
  socket.on("error", (error) => (failure ??= { reason: error.message }));
  socket.on("close", (code, reason) => {
    listener.onEnd(failure ?? { code, reason: reason.length > 0 ? reason.toString() : `closed with ${code}` });
  });
  return socket;
}
