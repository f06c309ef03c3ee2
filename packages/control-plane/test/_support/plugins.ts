import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { MessageBus } from "@signalbox/messagebus";
import { websocketTransport } from "@signalbox/messagebus/websocket";
import { PLUGIN_LINK_PATH, type Plugin } from "@signalbox/protocol";

import type { AdmitStranger } from "../../src/index.ts";
import { dataOf, type Rig } from "./rig.ts";

/** A manifest of a plugin that takes whatever is about its name. */
export function manifestOf(name: string, over: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    name,
    version: "1.0.0",
    routing: { keywords: [name] },
    communication: {
      messagebus: { topics: [`news.${name}`], subscriptions: ["system.broadcast", "routing.decision"] },
      rpc: { enabled: true },
    },
    errorHandling: { retryPolicy: { maxRetries: 0 } },
    ...over,
  };
}

/** A plugin that runs elsewhere, known and approved. */
export async function approvedPlugin(rig: Rig, name: string, over: Record<string, unknown> = {}): Promise<Plugin> {
  const { manifestHash } = dataOf(await rig.plane.plugins.registerPlugin({ manifest: manifestOf(name, over) }));
  return dataOf(await rig.plane.plugins.approvePlugin(name, { manifestHash }));
}

/** The same, and a token for it. */
export async function tokenOf(rig: Rig, name: string, over: Record<string, unknown> = {}): Promise<string> {
  await approvedPlugin(rig, name, over);
  return dataOf(await rig.plane.plugins.createToken(name)).token;
}

/** The bus of a rig's control plane, as an app mounts it. */
export interface BusServer extends AsyncDisposable {
  readonly url: string;
  /** The bus of a plugin that connects with a token; it is closed with this server. */
  connect(name: string, token: string): MessageBus;
}

export async function serveBus(rig: Rig, admitStranger?: AdmitStranger): Promise<BusServer> {
  const server = createServer();
  server.on("upgrade", (request, socket, head) => {
    if (!rig.plane.pluginLink.handleUpgrade(request, socket, head, admitStranger)) socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${PLUGIN_LINK_PATH}`;
  const opened = new AsyncDisposableStack();
  return {
    url,
    connect(name, token) {
      const transport = opened.use(websocketTransport({ url, token, pluginId: name }));
      return new MessageBus({ pluginId: name, transport, onListenerError: () => {} });
    },
    async [Symbol.asyncDispose]() {
      await opened.disposeAsync();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
