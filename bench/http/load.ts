import { createConnection } from "node:net";

import { readTask, report } from "../harness/processes.ts";
import { percentile } from "../harness/statistics.ts";
import type { Load, LoadTask } from "./load-task.ts";

// Asks one server over so many connections, each with one request on its way, and measures. Raw sockets: a client
// library would cost more than the servers that are compared.

const { port, connections, method, paths, headers, body, warm, count, timeoutMs } = readTask<LoadTask>();
const requests = paths.map((path) => Buffer.from(spell(path)));
const latencies: number[] = [];
const bodies: string[] = [];
let asked = 0;
let answered = 0;
let refused = 0;
let startedAt = 0;

await Promise.race([
  Promise.all(Array.from({ length: connections }, converse)),
  new Promise((resolve) => setTimeout(resolve, timeoutMs).unref()),
]);
const seconds = (performance.now() - startedAt) / 1_000;
const result: Load = {
  perSecond: latencies.length / seconds,
  p50Ms: percentile(latencies, 0.5),
  p99Ms: percentile(latencies, 0.99),
  refused,
};
report({ ...result, bodies });

function spell(path: string): string {
  const lines = Object.entries({ host: `127.0.0.1:${port}`, ...headers }).map(([name, value]) => `${name}: ${value}`);
  if (body !== undefined) lines.push("content-type: application/json", `content-length: ${Buffer.byteLength(body)}`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n${body ?? ""}`;
}

async function converse(): Promise<void> {
  const socket = createConnection({ host: "127.0.0.1", port });
  socket.setNoDelay(true);
  await new Promise<void>((resolve, reject) => {
    let received = "";
    let sentAt = 0;
    const ask = () => {
      if (asked >= warm + count) return void socket.end();
      const request = requests[asked % requests.length];
      asked++;
      sentAt = performance.now();
      if (request) socket.write(request);
    };
    socket.setEncoding("latin1");
    socket.on("data", (data: string) => {
      received += data;
      const end = endOfAnswer(received);
      if (end === undefined) return;
      take(received, performance.now() - sentAt);
      received = received.slice(end);
      ask();
    });
    socket.once("connect", ask);
    socket.once("close", resolve);
    socket.once("error", reject);
  });
}

function take(answer: string, ms: number): void {
  answered++;
  if (answer[9] !== "2") refused++;
  if (bodies.length < 2_000) bodies.push(answer.slice(answer.indexOf("\r\n\r\n") + 4));
  if (answered === warm) startedAt = performance.now();
  else if (answered > warm) latencies.push(ms);
}

/** Where an answer ends, by its length or its last chunk; undefined while it is not all there. */
function endOfAnswer(text: string): number | undefined {
  const head = text.indexOf("\r\n\r\n");
  if (head < 0) return undefined;
  const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, head))?.[1];
  if (length !== undefined) return text.length >= head + 4 + Number(length) ? head + 4 + Number(length) : undefined;
  const last = text.indexOf("\r\n0\r\n\r\n", head);
  return last < 0 ? undefined : last + 7;
}
