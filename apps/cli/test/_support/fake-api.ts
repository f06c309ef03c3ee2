import type { EventRecord, OutputChunk } from "@signalbox/protocol";
import { listen, type Listening } from "@signalbox/testkit";
import type { IncomingMessage, ServerResponse } from "node:http";

/** A request as the fake server heard it. */
export interface Heard {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly body: unknown;
}

/** What the fake server says to one route: data, or a refusal, or something that it does with the response itself. */
export type Answer = (heard: Heard, response: ServerResponse) => unknown;

/** A refusal in the shape of the API. */
export function refusal(status: number, code: string, message = code, details?: Record<string, unknown>) {
  return { refusal: { status, error: { code, message, ...(details ? { details } : {}) } } };
}

/** The native API from canned answers, `"GET /runs/:id"` to what it says; remembers what it was asked. */
export async function fakeApi(
  routes: Readonly<Record<string, Answer>>,
): Promise<Listening & { readonly heard: Heard[] }> {
  const heard: Heard[] = [];
  const table = Object.entries(routes).map(([route, answer]) => ({ ...parseRoute(route), answer }));
  const server = await listen((request, response) => {
    void readBody(request).then((body) => {
      const url = new URL(request.url ?? "", "http://x");
      const one = {
        method: request.method ?? "",
        path: url.pathname.replace(/^\/api\/v1/, ""),
        query: url.searchParams,
        headers: request.headers,
        body,
      };
      heard.push(one);
      const route = table.find(({ method, pattern }) => method === one.method && pattern.test(one.path));
      send(response, route ? route.answer(one, response) : refusal(404, "NOT_FOUND", `nothing at ${one.path}`));
    });
  });
  return Object.assign(server, { heard });
}

/** An answer that sends events from the cursor on, and ends the stream after the last; `hold` leaves it open. */
export function eventStream(events: readonly EventRecord[], { hold = false } = {}): Answer {
  return ({ query }, response) => {
    const after = Number(query.get("after"));
    openStream(response);
    for (const event of events.filter(({ seq }) => seq > after))
      response.write(`id: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`);
    if (!hold) response.end();
  };
}

/** An answer that sends pieces of output from the cursor on. */
export function outputStream(
  pieces: readonly { step: string; text: string; stream?: OutputChunk["stream"] }[],
): Answer {
  return ({ query }, response) => {
    openStream(response);
    for (const [index, { step, text, stream = "stdout" }] of pieces.entries()) {
      if (index + 1 <= Number(query.get("after"))) continue;
      if (query.has("step") && query.get("step") !== step) continue;
      const data = { step, attemptId: `att_${step}`, stream, offset: 0, length: Buffer.byteLength(text), text };
      response.write(`id: ${index + 1}\ndata: ${JSON.stringify(data)}\n\n`);
    }
    response.end();
  };
}

function openStream(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
}

function send(response: ServerResponse, answer: unknown): void {
  if (response.headersSent) return;
  const { refusal: refused } = (answer ?? {}) as { refusal?: { status: number; error: unknown } };
  response.writeHead(refused?.status ?? 200, { "content-type": "application/json" });
  response.end(JSON.stringify(refused ? { success: false, error: refused.error } : { success: true, data: answer }));
}

function parseRoute(route: string): { method: string; pattern: RegExp } {
  const [method = "", path = ""] = route.split(" ");
  return { method, pattern: new RegExp(`^${path.replace(/:\w+/g, "[^/]+").replace("*", ".+")}$`) };
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  let text = "";
  for await (const piece of request) text += String(piece);
  return text === "" ? undefined : JSON.parse(text);
}
