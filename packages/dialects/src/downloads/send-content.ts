import type { Content } from "@signalbox/control-plane";

import { Refusal } from "../refusal.ts";
import type { Call, Reply } from "../route.ts";
import { readRange, type ByteRange } from "./byte-range.ts";
import { attachment } from "./content-disposition.ts";

/** Headers with which a browser saves what it gets and runs none of it. */
const INERT = {
  "Content-Security-Policy": "sandbox; default-src 'none'",
  "Cross-Origin-Resource-Policy": "same-origin",
};

/** Sends a content, or the range of it that was asked for; 304 when the caller has it already. */
export async function sendContent(call: Call, content: Content): Promise<Reply> {
  const etag = `"${content.sha256}"`;
  const headers: Record<string, string> = {
    ...call.headers,
    ...INERT,
    "Content-Type": "application/octet-stream",
    "Content-Disposition": attachment(content.path),
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, no-cache",
    ETag: etag,
  };
  if (call.incoming.headers["if-none-match"] === etag) return new Response(null, { status: 304, headers });

  const range = chooseRange(call, content, etag);
  if (range === "all") return await send(call, content, 200, { ...headers, "Content-Length": String(content.bytes) });
  return await send(call, content, 206, { ...headers, ...rangeHeaders(range, content) }, range);
}

function chooseRange({ incoming }: Call, { bytes }: Content, etag: string): ByteRange | "all" {
  const condition = incoming.headers["if-range"];
  if (condition !== undefined && condition !== etag) return "all";
  const range = readRange(incoming.headers.range, bytes);
  if (range !== "outside") return range;
  throw new Refusal(
    "RANGE_NOT_SATISFIABLE",
    `the content has ${bytes} bytes`,
    { bytes },
    { "Content-Range": `bytes */${bytes}` },
  );
}

function rangeHeaders({ start, end }: ByteRange, { bytes }: Content): Record<string, string> {
  return { "Content-Range": `bytes ${start}-${end}/${bytes}`, "Content-Length": String(end - start + 1) };
}

async function send(
  call: Call,
  content: Content,
  status: number,
  headers: Record<string, string>,
  range?: ByteRange,
): Promise<Reply> {
  if (call.incoming.method === "HEAD") return new Response(null, { status, headers });
  const stream = call.stream();
  stream.open(status, headers);
  await stream.carry(content.open(range));
  return { written: status };
}
