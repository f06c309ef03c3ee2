import { once } from "node:events";
import type { AddressInfo } from "node:net";

import { eventually } from "@signalbox/testkit";
import { WebSocketServer, type WebSocket } from "ws";

/** A server that a test plays by hand, to see what a client does. */
export interface FakeBroker extends AsyncDisposable {
  readonly url: string;
  /** Connections in the order in which they were made, with the token that each brought. */
  readonly connections: readonly FakeConnection[];
  /** The connection number `index`, once it is there and welcomed. */
  connection(index: number): Promise<FakeConnection>;
}

/** One connection of a client. */
export interface FakeConnection {
  readonly socket: WebSocket;
  readonly token: string | undefined;
  /** Every frame that has come. */
  readonly frames: readonly { readonly type: string; readonly id: number; readonly [field: string]: unknown }[];
  send(...frames: readonly unknown[]): void;
}

/** Listens on a free port, and welcomes everybody as `pluginId`. */
export async function fakeBroker({ pluginId = "plugin", heartbeatMs = 15_000 } = {}): Promise<FakeBroker> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  const connections: FakeConnection[] = [];
  server.on("connection", (socket, request) => {
    const frames: FakeConnection["frames"][number][] = [];
    socket.on("message", (data) => frames.push(...(JSON.parse((data as Buffer).toString()) as typeof frames)));
    socket.on("error", () => {});
    const send = (...sent: readonly unknown[]) => socket.send(JSON.stringify(sent));
    connections.push({ socket, token: request.headers.authorization, frames, send });
    send({ type: "welcome", pluginId, heartbeatMs });
  });
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections,
    connection: (index) => eventually(() => connections[index]),
    async [Symbol.asyncDispose]() {
      for (const { socket } of connections) socket.terminate();
      server.close();
      await once(server, "close");
    },
  };
}
