import type { EventRecord, OutputChunk } from "@signalbox/protocol";
import { listen } from "@signalbox/testkit";
import type { ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";

import { details, event, events } from "../test/_support/canned.ts";
import { hastyClock } from "../test/_support/hasty-clock.ts";
import { seededRandom } from "../test/_support/seeded-random.ts";
import { createClient } from "./client.ts";
import { isGap } from "./watch.ts";

describe("RunsClient.watch", () => {
  it.each(Array.from({ length: 40 }, (_, seed) => seed))(
    "hands out every event once and in order over a server that drops lines anywhere (seed %i)",
    async (seed) => {
      const random = seededRandom(seed);
      const all = events(60);
      let connections = 0;
      await using api = await listen((request, response) => {
        connections++;
        const after = Number(new URL(request.url ?? "", "http://x").searchParams.get("after"));
        // Some servers repeat what the reader has already: the reader must not hand it out again.
        const from = Math.max(0, after - Math.floor(random() * 3));
        sendUpTo(response, sse(all.slice(from)), random, { mayEnd: connections > 1 });
      });

      const seen = await collect(clientOf(api.url, random).runs.watch("run_1"));

      expect(seen).toEqual(all);
      expect(connections).toBeGreaterThan(1);
    },
  );

  it("goes on where a server ended the stream in good order before the run was over", async () => {
    const all = events(5);
    await using api = await listen((request, response) => {
      const url = new URL(request.url ?? "", "http://x");
      if (!url.pathname.endsWith("/stream")) return answer(response, details({ lastSeq: 5 }));
      const after = Number(url.searchParams.get("after"));
      response.writeHead(200, { "content-type": "text/event-stream" }).end(sse(all.slice(after, after + 2)));
    });

    const seen = await collect(clientOf(api.url).runs.watch("run_1"));

    expect(seen).toEqual(all);
  });

  it("ends at once where the cursor stands behind the last event of a run that is over", async () => {
    await using api = await listen((request, response) => {
      if (!request.url?.includes("/stream")) return answer(response, details({ status: "succeeded", lastSeq: 5 }));
      response.writeHead(200, { "content-type": "text/event-stream" }).end();
    });

    expect(await collect(clientOf(api.url).runs.watch("run_1", { after: 5 }))).toEqual([]);
  });

  it("ends where the server says that the reader has everything", async () => {
    await using api = await listen((_, response) => response.writeHead(204).end());

    expect(await collect(clientOf(api.url).runs.watch("run_1", { after: 5 }))).toEqual([]);
  });

  it("tells what retention removed as one gap", async () => {
    await using api = await listen((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end(`event: gap\ndata: {"earliest":4}\n\n${sse(events(5).slice(3))}`);
    });

    const seen = await collect(clientOf(api.url).runs.watch("run_1"));

    expect(seen.map((item) => (isGap(item) ? item.gap : item.seq))).toEqual([{ after: 0, earliest: 4 }, 4, 5]);
  });

  it("tells a hole that the server did not announce", async () => {
    await using api = await listen((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end(sse([event(1), event(4, { type: "run.failed" })]));
    });

    const seen = await collect(clientOf(api.url).runs.watch("run_1"));

    expect(seen.map((item) => (isGap(item) ? item.gap : item.seq))).toEqual([1, { after: 1, earliest: 4 }, 4]);
  });

  it("reads over comments, unknown messages and a busy server", async () => {
    let asked = 0;
    await using api = await listen((_, response) => {
      if (asked++ === 0) return void response.writeHead(503, { "retry-after": "1" }).end("{}");
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end(`: hello\r\n\r\nevent: news\r\ndata: {}\r\n\r\n${sse(events(2)).replaceAll("\n", "\r\n")}`);
    });

    expect(await collect(clientOf(api.url).runs.watch("run_1"))).toEqual(events(2));
  });

  it("gives up at once on a run that is not there", async () => {
    await using api = await listen((_, response) => refusal(response, 404, "RUN_NOT_FOUND"));

    const watching = collect(clientOf(api.url).runs.watch("run_9"));

    await expect(watching).rejects.toMatchObject({ name: "RequestRefusedError", code: "RUN_NOT_FOUND", status: 404 });
  });

  it("gives up on a server that stays away", async () => {
    const api = await listen((_, response) => response.end());
    await api[Symbol.asyncDispose]();

    const watching = collect(clientOf(api.url).runs.watch("run_1", { giveUpAfterMs: 0 }));

    await expect(watching).rejects.toMatchObject({ name: "ConnectionError", message: `nothing listens at ${api.url}` });
  });

  it("closes the connection when the reader leaves", async () => {
    let closed = false;
    await using api = await listen((_, response) => {
      response.on("close", () => (closed = true));
      response.writeHead(200, { "content-type": "text/event-stream" }).write(sse([event(1)]));
    });

    for await (const _ of clientOf(api.url).runs.watch("run_1")) break;

    await expect.poll(() => closed).toBe(true);
  });

  it("throws the reason of an aborted signal", async () => {
    await using api = await listen((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).write(sse([event(1)]));
    });
    const stop = new AbortController();
    const watching = clientOf(api.url).runs.watch("run_1", { signal: stop.signal });
    await watching.next();

    stop.abort(new Error("enough"));

    await expect(watching.next()).rejects.toThrow("enough");
  });
});

describe("RunsClient.watchOutput", () => {
  it("hands out every piece once over a server that drops lines, and ends with the run", async () => {
    const random = seededRandom(7);
    const pieces = Array.from({ length: 50 }, (_, index) => chunk(index + 1));
    let isOver = false;
    await using api = await listen((request, response) => {
      const url = new URL(request.url ?? "", "http://x");
      if (!url.pathname.endsWith("/output"))
        return answer(response, details({ status: isOver ? "succeeded" : "running" }));
      const after = Number(url.searchParams.get("after"));
      isOver ||= after > 25;
      sendUpTo(
        response,
        pieces
          .slice(after)
          .map(({ seq, wire }) => message(seq, wire))
          .join(""),
        random,
      );
    });

    const seen = await collect<OutputChunk>(clientOf(api.url, random).runs.watchOutput("run_1"));

    expect(seen.map((piece) => [piece.seq, new TextDecoder().decode(piece.bytes), piece.gap])).toEqual(
      pieces.map(({ seq, text, wire }) => [seq, text, wire.gap]),
    );
  });
});

function chunk(seq: number) {
  const common = { step: "hello", attemptId: "att_1", stream: "stdout", offset: seq * 10, length: 10 };
  if (seq % 10 === 0) return { seq, text: "", wire: { ...common, gap: "spool_full" } };
  const text = `piece ${seq} ü`;
  const body = seq % 2 === 0 ? { text } : { base64: Buffer.from(text).toString("base64") };
  return { seq, text, wire: { ...common, ...body, gap: undefined } };
}

function clientOf(baseUrl: string, random = seededRandom(1)) {
  return createClient({ baseUrl, random, clock: hastyClock() });
}

async function collect<Item = EventRecord>(items: AsyncIterable<unknown>): Promise<Item[]> {
  const seen: Item[] = [];
  for await (const item of items) seen.push(item as Item);
  return seen;
}

function sse(records: readonly EventRecord[]): string {
  return records.map((record) => message(record.seq, record)).join("");
}

function message(id: number, data: unknown): string {
  return `id: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Sends a random beginning of a text in random pieces, then breaks the line; sometimes all of it, in good order. */
function sendUpTo(response: ServerResponse, text: string, random: () => number, { mayEnd = true } = {}): void {
  const bytes = Buffer.from(text);
  const end = mayEnd && random() < 0.15 ? bytes.length : Math.floor(random() * Math.min(bytes.length, 4_000));
  response.writeHead(200, { "content-type": "text/event-stream" });
  let at = 0;
  const sendNext = () => {
    if (at >= end) return void (end === bytes.length ? response.end() : response.destroy());
    const next = Math.min(end, at + 1 + Math.floor(random() * 900));
    const piece = bytes.subarray(at, next);
    at = next;
    response.write(piece, sendNext);
  };
  sendNext();
}

function answer(response: ServerResponse, data: unknown): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ success: true, data }));
}

function refusal(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ success: false, error: { code, message: code } }));
}
