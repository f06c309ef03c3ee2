import type { ControlPlane } from "@signalbox/control-plane";
import type { EventRecord, RunDetails } from "@signalbox/protocol";

import { readCursor } from "../cursor.ts";
import { createFrames } from "../frames.ts";
import type { Call, Reply } from "../route.ts";
import { lastSeqOfRun, serveStream, SSE_HEADERS } from "../serving/serve-stream.ts";
import { toNofxEvent } from "./translate.ts";

type Batch = readonly EventRecord[];
type StepIds = ReadonlyMap<string, string>;

const framesOf = createFrames<EventRecord, StepIds>((record, ids) => JSON.stringify(toNofxEvent(record, ids)), ",");

/**
 * A run's events as this face tells them: `init` with all there are so far, then `append` with what comes, closing
 * right after the last. A reader that comes back with `Last-Event-ID` gets what it missed as `append`.
 */
export async function streamEvents(call: Call, runs: ControlPlane["runs"]): Promise<Reply> {
  const runId = call.param("id");
  const details = await runs.getRun(runId, call.context);
  if (!details.success) return details;
  const after = readCursor(call.incoming, undefined);
  return await serveStream(call, {
    after,
    headers: SSE_HEADERS,
    lastSeqIfOver: () => lastSeqOfRun(call, runs),
    hasAll: (lastSeq) => lastSeq <= after,
    follow: (signal) => runs.followEvents(runId, { after, signal }, call.context),
    spell: (batches) => (after > 0 ? append(batches, stepIdsOf(details.data)) : begin(batches, details.data)),
  });
}

/** `init` is written as it is read, one line of `data` for each frame: together the lines are one array. */
async function* begin(batches: AsyncIterable<Batch>, details: RunDetails): AsyncIterable<string> {
  const stepIds = stepIdsOf(details);
  const { lastSeq } = details.run;
  const source = batches[Symbol.asyncIterator]();
  let seq = 0;
  let rest: Batch = [];
  yield "event: init\n";
  while (seq < lastSeq) {
    const next = await source.next();
    if (next.done === true) break;
    const sofar = upTo(next.value, lastSeq);
    rest = next.value.slice(sofar.length);
    for (const { text, last } of framesOf(sofar, stepIds)) {
      yield `data: ${seq === 0 ? "[" : ","}${text}\n`;
      ({ seq } = last);
    }
    if (rest.length > 0) break;
  }
  yield `data: ${seq === 0 ? "[]" : "]"}\nid: ${seq}\n\n`;
  yield* appendBatch(rest, stepIds);
  yield* append({ [Symbol.asyncIterator]: () => source }, stepIds);
}

async function* append(batches: AsyncIterable<Batch>, stepIds: StepIds): AsyncIterable<string> {
  for await (const batch of batches) yield* appendBatch(batch, stepIds);
}

function* appendBatch(batch: Batch, stepIds: StepIds): Iterable<string> {
  for (const { text, last } of framesOf(batch, stepIds)) yield `event: append\nid: ${last.seq}\ndata: [${text}]\n\n`;
}

/** The same array where nothing is cut off, so that its frames are shared. */
function upTo(batch: Batch, lastSeq: number): Batch {
  return (batch.at(-1)?.seq ?? 0) <= lastSeq ? batch : batch.filter(({ seq }) => seq <= lastSeq);
}

function stepIdsOf({ steps }: RunDetails): StepIds {
  return new Map(steps.map(({ name, id }) => [name, id]));
}
