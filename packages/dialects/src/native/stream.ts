import type { ControlPlane } from "@signalbox/control-plane";
import {
  isFinal,
  SESSION_TRANSITIONS,
  type ApiResponse,
  type EventRecord,
  type OutputChunk,
} from "@signalbox/protocol";

import { readCursor } from "../cursor.ts";
import { attachment } from "../downloads/content-disposition.ts";
import { createFrames } from "../frames.ts";
import type { Call, Reply } from "../route.ts";
import { lastSeqOfRun, serveStream, SSE_HEADERS } from "../serving/serve-stream.ts";
import { OutputSpelling } from "./output-spelling.ts";
import type { EventsQuery, OutputQuery } from "./wire.ts";

type Runs = ControlPlane["runs"];

/** The events of a run as SSE: one unnamed event for each record, `id` its seq; `gap` where retention removed some. */
export async function streamEvents(call: Call<Pick<EventsQuery, "after">>, runs: Runs): Promise<Reply> {
  return followEvents(call, {
    lastSeqIfOver: () => lastSeqOfRun(call, runs),
    follow: (after, signal) => runs.followEvents(call.param("id"), { after, signal }, call.context),
  });
}

/** The events of a session, in the same spelling. */
export async function streamSessionEvents(
  call: Call<Pick<EventsQuery, "after">>,
  sessions: ControlPlane["sessions"],
): Promise<Reply> {
  return followEvents(call, {
    lastSeqIfOver: async () => {
      const { data: session } = await sessions.getSession(call.param("id"), call.context);
      return session && isFinal(SESSION_TRANSITIONS, session.state) ? session.lastSeq : undefined;
    },
    follow: (after, signal) => sessions.followEvents(call.param("id"), { after, signal }, call.context),
  });
}

interface EventSource {
  readonly lastSeqIfOver: () => Promise<number | undefined>;
  readonly follow: (after: number, signal: AbortSignal) => Promise<ApiResponse<AsyncIterable<readonly EventRecord[]>>>;
}

async function followEvents(call: Call<Pick<EventsQuery, "after">>, source: EventSource): Promise<Reply> {
  const after = readCursor(call.incoming, call.query.after);
  return await serveStream(call, {
    after,
    headers: SSE_HEADERS,
    lastSeqIfOver: source.lastSeqIfOver,
    hasAll: (lastSeq) => lastSeq <= after,
    follow: (signal) => source.follow(after, signal),
    spell: (batches) => spellEvents(batches, after),
  });
}

/** The output of a run as SSE, `id` the seq of the piece; or as plain bytes with `format=raw`. */
export async function streamOutput(call: Call<OutputQuery>, runs: Runs): Promise<Reply> {
  const { format, step, stream, follow = format === "sse" } = call.query;
  const after = readCursor(call.incoming, call.query.after);
  const runId = call.param("id");
  return await serveStream(call, {
    after,
    lastSeqIfOver: () => lastSeqOfRun(call, runs),
    headers: format === "raw" ? rawHeaders(runId) : SSE_HEADERS,
    follow: (signal) =>
      runs.followOutput(
        runId,
        {
          after,
          follow,
          signal,
          ...(step === undefined ? {} : { step }),
          ...(stream === undefined ? {} : { stream }),
        },
        call.context,
      ),
    spell: format === "raw" ? spellRaw : spellOutput,
  });
}

const framesOf = createFrames<EventRecord>((record) => `id: ${record.seq}\ndata: ${JSON.stringify(record)}\n\n`);

async function* spellEvents(batches: AsyncIterable<readonly EventRecord[]>, after: number): AsyncIterable<string> {
  let next = after + 1;
  for await (const batch of batches) {
    const [first] = batch;
    // Streams have no holes, so what is not there was removed.
    if (first && first.seq > next)
      yield `event: gap\ndata: ${JSON.stringify({ after: next - 1, earliest: first.seq })}\n\n`;
    for (const { text } of framesOf(batch, undefined)) yield text;
    next = (batch.at(-1)?.seq ?? next - 1) + 1;
  }
}

async function* spellOutput(batches: AsyncIterable<readonly OutputChunk[]>): AsyncIterable<string> {
  const spelling = new OutputSpelling();
  for await (const batch of batches)
    for (const chunk of batch) yield `id: ${chunk.seq}\ndata: ${spelling.spell(chunk)}\n\n`;
}

async function* spellRaw(batches: AsyncIterable<readonly OutputChunk[]>): AsyncIterable<string | Uint8Array> {
  for await (const batch of batches) {
    for (const { bytes, gap, length } of batch)
      yield gap === undefined ? bytes : `\n[${length} bytes of output are lost: ${gap}]\n`;
  }
}

function rawHeaders(runId: string): Record<string, string> {
  return {
    "Content-Type": "application/octet-stream",
    "Content-Disposition": attachment(`${runId}.log`),
    "Content-Security-Policy": "sandbox; default-src 'none'",
  };
}
