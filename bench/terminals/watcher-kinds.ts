import { once } from "node:events";

import { SESSION_SOCKET_PATH } from "@signalbox/protocol";
import { WebSocket } from "ws";

/** Whom watchers connect to. */
export type WatcherKind = "signalbox" | "ws" | "socket.io";

export interface WatcherTarget {
  readonly kind: WatcherKind;
  readonly port: number;
  readonly token: string;
  /** The run whose terminal is watched. */
  readonly runId: string;
}

/** Connects a watcher; `hear` gets what every message says, handshakes left out. All are plain sockets of the same library. */
export async function connectWatcher(target: WatcherTarget, hear: (data: Buffer) => void): Promise<WebSocket> {
  const ws = new WebSocket(addressOf(target), {
    perMessageDeflate: false,
    headers: target.kind === "signalbox" ? { authorization: `Bearer ${target.token}` } : {},
  });
  // A server may speak first, so somebody listens before the connection is there.
  const joined = target.kind === "socket.io" ? joinSocketIo(ws, hear) : undefined;
  await once(ws, "open");
  if (target.kind === "ws") ws.on("message", hear);
  else if (target.kind === "signalbox") await subscribe(ws, target.runId, hear);
  await joined;
  return ws;
}

function addressOf({ kind, port }: WatcherTarget): string {
  const paths: Readonly<Record<WatcherKind, string>> = {
    signalbox: SESSION_SOCKET_PATH,
    ws: "/",
    "socket.io": "/socket.io/?EIO=4&transport=websocket",
  };
  return `ws://127.0.0.1:${port}${paths[kind]}`;
}

async function subscribe(ws: WebSocket, runId: string, hear: (data: Buffer) => void): Promise<void> {
  const ready = Promise.withResolvers<void>();
  ws.on("message", (data: Buffer) => {
    // What is no output is short, and says so near its beginning.
    if (data.indexOf('"action":"output"') > 0) return hear(data);
    if (data.includes('"ack"')) ready.resolve();
    if (data.includes('"error"')) ready.reject(new Error(data.toString()));
  });
  ws.send(JSON.stringify({ type: "subscribe_session", sessionId: runId, tail: 0, messageId: "m" }));
  await ready.promise;
}

/** As much of Engine.IO 4 and Socket.IO 5 as a listener speaks. */
async function joinSocketIo(ws: WebSocket, hear: (data: Buffer) => void): Promise<void> {
  const ready = Promise.withResolvers<void>();
  ws.on("message", (data: Buffer) => {
    const kind = data.toString("latin1", 0, 2);
    if (kind === "42") hear(data);
    else if (kind.startsWith("0")) ws.send("40");
    else if (kind === "40") ready.resolve();
    else if (kind.startsWith("2")) ws.send("3");
  });
  await ready.promise;
}
