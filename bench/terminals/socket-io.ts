import { createServer } from "node:http";
import { Server } from "socket.io";
import { WebSocketServer } from "ws";

import { readTask } from "../harness/processes.ts";

// socket.io's broadcast, over WebSockets only: what comes in on /push is emitted to everybody. Nothing is kept.

const { port } = readTask<{ readonly port: number }>();
const http = createServer();
const io = new Server(http, { transports: ["websocket"], perMessageDeflate: false, serveClient: false });
const pushing = new WebSocketServer({ noServer: true, perMessageDeflate: false });
http.on("upgrade", (request, socket, head) => {
  if (request.url !== "/push") return;
  pushing.handleUpgrade(request, socket, head, (ws) => {
    ws.on("message", (data: Buffer) => io.emit("chunk", data.toString()));
  });
});
http.listen(port, "127.0.0.1", 1_024);
process.once("SIGTERM", () => process.exit(0));
