import { createServer } from "node:http";
import { WebSocketServer, WebSocket } from "ws";

import { readTask } from "../harness/processes.ts";

// A WebSocket broadcast as everybody writes it: what comes in on /push goes to all others. Nothing is kept.

const { port } = readTask<{ readonly port: number }>();
const http = createServer();
const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
const watchers = new Set<WebSocket>();
http.on("upgrade", (request, socket, head) => {
  sockets.handleUpgrade(request, socket, head, (ws) => {
    if (request.url === "/push") ws.on("message", (data: Buffer) => broadcast(data));
    else watchers.add(ws.once("close", () => watchers.delete(ws)));
  });
});
http.listen(port, "127.0.0.1", 1_024);
process.once("SIGTERM", () => process.exit(0));

function broadcast(data: Buffer): void {
  for (const ws of watchers) if (ws.readyState === WebSocket.OPEN) ws.send(data, { binary: false });
}
