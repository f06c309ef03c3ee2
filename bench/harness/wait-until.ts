import { once } from "node:events";
import { createConnection, createServer, type AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Asks again and again until the answer is yes; throws after the time. */
export async function waitUntil(
  what: string,
  ask: () => Promise<boolean> | boolean,
  { timeoutMs = 20_000, everyMs = 5 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<void> {
  for (const end = performance.now() + timeoutMs; performance.now() < end; await sleep(everyMs)) {
    if (await ask()) return;
  }
  throw new Error(`${what}: not within ${timeoutMs} ms`);
}

/** Whether something listens on a port of this machine. */
export async function canConnect(port: number): Promise<boolean> {
  const socket = createConnection({ host: "127.0.0.1", port });
  return await new Promise<boolean>((resolve) => {
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
  }).finally(() => socket.destroy());
}

/** A port of the loopback address that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
