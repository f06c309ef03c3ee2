import { createServer, type AddressInfo, type Socket } from "node:net";

/** Takes connections on a port, any free one for 0, and does with each what a test wants. */
export async function openRaw(port: number, take: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  let connections = 0;
  let heard = "";
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (chunk: Buffer) => (heard += chunk.toString()));
    take(socket);
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    heard: () => heard,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Answers a request with these bytes. */
export function saying(text: string) {
  return (socket: Socket) => void socket.once("data", () => socket.write(text));
}

/** Says the same again and again, for as long as somebody listens. */
export function drip(first: string, again: string, everyMs: number) {
  return (socket: Socket) => {
    socket.write(first);
    const timer = setInterval(() => socket.write(again), everyMs);
    socket.on("close", () => clearInterval(timer));
  };
}
