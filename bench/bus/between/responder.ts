import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { connect } from "@nats-io/transport-node";
import { LocalHub, MessageBus, RPCServer, type Transport } from "@signalbox/messagebus";
import { natsTransport } from "@signalbox/messagebus/nats";
import { BusBroker, busServerOptions } from "@signalbox/messagebus/websocket";
import { createBirpc } from "birpc";
import { WebSocketServer } from "ws";

import { readTask } from "../../harness/processes.ts";
import { methods, type ResponderTask, type WireName } from "./wire.ts";

// The process that is called. Says where it listens, and ends with its parent.

const serve: Record<Exclude<WireName, "birpc-port">, (task: ResponderTask) => Promise<number>> = {
  "signalbox-websocket": async () => {
    // What one plugin is allowed by default is a fifteenth of what is measured here.
    const hub = new LocalHub({ limits: { "connection.framesPerSecond": 10_000_000 } });
    await serveSignalbox(hub);
    const broker = new BusBroker({ hub });
    const sockets = new WebSocketServer(busServerOptions(hub.limits));
    const server = createServer().on("upgrade", (request, socket, head) => {
      const access = { call: ["receiver"] };
      sockets.handleUpgrade(request, socket, head, (ws) => broker.accept(ws, { pluginId: "sender", access }));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  },
  "signalbox-nats": async ({ service = 4222 }) => {
    await serveSignalbox(natsTransport({ servers: `127.0.0.1:${service}` }));
    return service;
  },
  "birpc-ipc": async () => {
    createBirpc(methods, { post: (data) => process.send?.(data), on: (take) => void process.on("message", take) });
    return 0;
  },
  "birpc-websocket": async () => {
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
    server.on("connection", (socket) => {
      createBirpc(methods, {
        post: (data) => socket.send(data as string),
        on: (take) => void socket.on("message", (data) => take((data as Buffer).toString())),
        serialize: JSON.stringify,
        deserialize: JSON.parse,
      });
    });
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  },
  nats: async ({ service = 4222 }) => {
    const connection = await connect({ servers: `127.0.0.1:${service}` });
    connection.subscribe("rpc.receiver", {
      callback: (_error, message) => {
        void methods.createEndpoint(message.json()).then((result) => message.respond(JSON.stringify(result)));
      },
    });
    await connection.flush();
    return service;
  },
};

const task = readTask<ResponderTask>();
if (task.wire === "birpc-port") throw new Error("a thread answers on a port");
process.on("disconnect", () => process.exit(0));
process.send?.({ port: await serve[task.wire](task) });

async function serveSignalbox(transport: Transport): Promise<void> {
  const bus = new MessageBus({ pluginId: "receiver", transport });
  await new RPCServer("plugin://receiver/rpc", { bus }).register("create_endpoint", methods.createEndpoint).ready;
}
