import { spawn } from "node:child_process";
import { WebSocket } from "ws";

import { readTask } from "../harness/processes.ts";

// The bare runner: what a shell writes goes into a WebSocket, at most so much at a time.

const { port, shell } = readTask<{ readonly port: number; readonly shell: string }>();
const WINDOW_BYTES = 1 << 20;
const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
socket.once("open", () => {
  const { stdout } = spawn("sh", ["-c", shell], { stdio: ["ignore", "pipe", "ignore"] });
  stdout.on("data", (bytes: Buffer) => {
    socket.send(bytes, () => {
      if (stdout.isPaused() && socket.bufferedAmount < WINDOW_BYTES / 2) stdout.resume();
    });
    if (socket.bufferedAmount > WINDOW_BYTES) stdout.pause();
  });
  stdout.once("end", () => socket.close());
});
