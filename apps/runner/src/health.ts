import type { Runner } from "@signalbox/runner";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** Answers `/healthz` on the loopback address: 200 while the runner is connected, 503 while it is not. */
export async function serveHealth(runner: Runner, port: number): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((request, response) => {
    if (request.url !== "/healthz") return void response.writeHead(404).end();
    const { isConnected, isLeaving, attempts, slots, freeSlots, sandbox } = runner.status();
    const body = {
      status: isConnected ? "ok" : "disconnected",
      isLeaving,
      attempts: attempts.length,
      slots,
      freeSlots,
      sandbox,
    };
    response.writeHead(isConnected ? 200 : 503, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
