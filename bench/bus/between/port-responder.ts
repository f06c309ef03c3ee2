import { parentPort } from "node:worker_threads";

import { createBirpc } from "birpc";

import { methods } from "./wire.ts";

// The thread that is called.

createBirpc(methods, {
  post: (data) => parentPort?.postMessage(data),
  on: (take) => void parentPort?.on("message", take),
});
