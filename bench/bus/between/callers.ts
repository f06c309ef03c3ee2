import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { Worker } from "node:worker_threads";

import { connect } from "@nats-io/transport-node";
import { MessageBus, RPCClient, type Transport } from "@signalbox/messagebus";
import { natsTransport } from "@signalbox/messagebus/nats";
import { websocketTransport } from "@signalbox/messagebus/websocket";
import { createBirpc } from "birpc";
import { WebSocket } from "ws";

import { PARAMS, type Caller, type Methods, type WireName } from "./wire.ts";

/** How each wire is called, once the responder has said where it is. */
export const callers: Record<WireName, (port: number, responder: ChildProcess | undefined) => Promise<Caller>> = {
  "signalbox-websocket": async (port) =>
    callSignalbox(websocketTransport({ url: `ws://127.0.0.1:${port}`, token: "sender" })),

  "signalbox-nats": async (port) => callSignalbox(natsTransport({ servers: `127.0.0.1:${port}` })),

  "birpc-ipc": async (_, responder) => {
    const client = createBirpc<Methods>(
      {},
      { post: (data) => responder?.send(data), on: (take) => void responder?.on("message", take) },
    );
    return { call: () => client.createEndpoint(PARAMS), async [Symbol.asyncDispose]() {} };
  },

  "birpc-websocket": async (port) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
    await once(socket, "open");
    const client = createBirpc<Methods>(
      {},
      {
        post: (data) => socket.send(data as string),
        on: (take) => void socket.on("message", (data) => take((data as Buffer).toString())),
        serialize: JSON.stringify,
        deserialize: JSON.parse,
      },
    );
    return {
      call: () => client.createEndpoint(PARAMS),
      async [Symbol.asyncDispose]() {
        socket.terminate();
      },
    };
  },

  "birpc-port": async () => {
    const worker = new Worker(new URL("./port-responder.ts", import.meta.url));
    const client = createBirpc<Methods>(
      {},
      { post: (data) => worker.postMessage(data), on: (take) => void worker.on("message", take) },
    );
    return {
      call: () => client.createEndpoint(PARAMS),
      async [Symbol.asyncDispose]() {
        await worker.terminate();
      },
    };
  },

  nats: async (port) => {
    const connection = await connect({ servers: `127.0.0.1:${port}` });
    return {
      call: async () => (await connection.request("rpc.receiver", JSON.stringify(PARAMS))).json(),
      [Symbol.asyncDispose]: () => connection.close(),
    };
  },
};

async function callSignalbox(transport: Transport): Promise<Caller> {
  const client = new RPCClient("plugin://receiver/rpc", { bus: new MessageBus({ pluginId: "sender", transport }) });
  return { call: () => client.call("create_endpoint", PARAMS), [Symbol.asyncDispose]: () => transport.close() };
}
