import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";

/** An http server that listens on a free port of the loopback address until it is disposed of. */
export interface Listening extends AsyncDisposable {
  readonly server: Server;
  readonly port: number;
  /** Without a slash at its end: `http://127.0.0.1:40123`. */
  readonly url: string;
}

/** Serves `handler`, or a server that is made already: `await using api = await listen((req, res) => res.end("hi"))`. */
export async function listen(handlerOrServer: RequestListener | Server): Promise<Listening> {
  const server = typeof handlerOrServer === "function" ? createServer(handlerOrServer) : handlerOrServer;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
  const { port } = server.address() as AddressInfo;
  return { server, port, url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: () => close(server) };
}

/** Cuts what is still connected: a test that leaves a stream open must not wait for it. Closing twice is fine. */
async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  await new Promise<void>((resolve, reject) => {
    server.close((error) => (error ? reject(error) : resolve()));
    server.closeAllConnections();
  });
}
