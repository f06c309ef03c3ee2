import type { Server } from "node:http";

import { WebSocketServer } from "ws";

import { getMessageBus, setDefaultTransport, type LocalHub, type PluginAccess } from "../index.ts";
import { BusBroker, busServerOptions, websocketTransport, type ConnectedPlugin } from "./index.ts";

// What the README shows; compiled and run by test/readme.test.ts, so that it stays true.

export async function connectPlugin(url: string, readToken: () => Promise<string>): Promise<void> {
  const transport = websocketTransport({ url, token: readToken });
  transport.on("state", (state) => console.log("bus:", state));
  setDefaultTransport(transport);

  const bus = getMessageBus("fastapi-backend");
  await bus.publish({ topic: "plugin/fastapi-backend/status", payload: { status: "ready" } });

  await bus.close();
  await transport.close();
}

export function serveBus(
  server: Server,
  hub: LocalHub,
  authenticate: (authorization: string | undefined) => ConnectedPlugin | undefined,
): BusBroker {
  const broker = new BusBroker({ hub });
  const sockets = new WebSocketServer(busServerOptions(hub.limits));
  server.on("upgrade", (request, socket, head) => {
    const plugin = authenticate(request.headers.authorization); // { pluginId, access }
    if (!plugin) return void socket.end("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n");
    sockets.handleUpgrade(request, socket, head, (accepted) => broker.accept(accepted, plugin));
  });
  broker.on("disconnected", ({ pluginId, code, reason }) => console.log(pluginId, "left:", code, reason));
  return broker;
}

export const access: PluginAccess = {
  publish: ["orchestration/**"],
  subscribe: ["system/broadcast", "routing/decision"],
  request: ["orchestrator"],
  call: ["*"],
  serve: true,
};
