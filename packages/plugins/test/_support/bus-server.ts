import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { LocalHub, MessageBus } from "@signalbox/messagebus";
import { BusBroker, busServerOptions } from "@signalbox/messagebus/websocket";
import { listen } from "@signalbox/testkit";
import { WebSocketServer } from "ws";
import type { CredentialRequest, ProcessLauncherOptions } from "../../src/index.ts";

/** A server with a bus, as a plugin's process finds it: tokens that somebody issued, and nothing else, open it. */
export interface BusServer extends AsyncDisposable {
  readonly system: MessageBus;
  readonly broker: BusBroker;
  /** What was issued and not revoked, by token. */
  readonly issued: ReadonlyMap<string, CredentialRequest>;
  readonly issueCredential: ProcessLauncherOptions["issueCredential"];
}

export async function busServer(): Promise<BusServer> {
  const stack = new AsyncDisposableStack();
  const hub = new LocalHub();
  stack.defer(() => hub.close());
  const broker = stack.use(new BusBroker({ hub }));
  const system = stack.use(new MessageBus({ pluginId: "system", transport: hub, isSystem: true }));
  const issued = new Map<string, CredentialRequest>();
  const sockets = new WebSocketServer(busServerOptions(hub.limits));
  const server = createServer().on("upgrade", (request, socket, head) => {
    const known = issued.get(request.headers.authorization?.replace("Bearer ", "") ?? "");
    if (known === undefined) socket.end("HTTP/1.1 401 Unauthorized\r\n\r\n");
    else sockets.handleUpgrade(request, socket, head, (accepted) => broker.accept(accepted, known));
  });
  const { port } = stack.use(await listen(server));
  return {
    system,
    broker,
    issued,
    async issueCredential(request) {
      const token = randomBytes(16).toString("hex");
      issued.set(token, request);
      return { url: `ws://127.0.0.1:${port}`, token, revoke: () => void issued.delete(token) };
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
