import { once } from "node:events";
import { createConnection, createServer, type AddressInfo, type Socket } from "node:net";

/** A connection that can be cut: what is sent to its port goes on to another, as long as it is whole. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** Breaks every connection, and each new one at once. */
  cut(): void;
  /** Lets connections through again. */
  mend(): void;
}

/** Stands before a port of the loopback address. */
export async function tcpProxy(targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let isWhole = true;
  const server = createServer((near) => {
    if (!isWhole) return void near.destroy();
    const far = createConnection({ port: targetPort, host: "127.0.0.1" });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.setNoDelay(true);
      from.on("error", () => {});
      from.once("close", () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = () => {
    isWhole = false;
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    mend: () => void (isWhole = true),
    async [Symbol.asyncDispose]() {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}
