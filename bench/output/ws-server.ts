import { createServer, type ServerResponse } from "node:http";
import { WebSocketServer, type WebSocket } from "ws";

import { readTask } from "../harness/processes.ts";

// The bare middle: what comes in over a WebSocket goes out to the one who reads over HTTP. Nothing is kept.

const { port } = readTask<{ readonly port: number }>();
const readers = Promise.withResolvers<ServerResponse>();
const http = createServer((_request, response) => {
  response.writeHead(200, { "content-type": "application/octet-stream" });
  response.flushHeaders();
  readers.resolve(response);
});
const sockets = new WebSocketServer({ server: http, perMessageDeflate: false, maxPayload: 1 << 20 });
sockets.on("connection", (socket) => void relay(socket));
http.listen(port, "127.0.0.1");
process.once("SIGTERM", () => process.exit(0));

async function relay(socket: WebSocket): Promise<void> {
  socket.pause();
  const reader = await readers.promise;
  socket.on("message", (bytes: Buffer) => {
    if (reader.write(bytes)) return;
    socket.pause();
    reader.once("drain", () => socket.resume());
  });
  socket.once("close", () => reader.end());
  socket.resume();
}
