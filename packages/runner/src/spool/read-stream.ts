import { isStreamRecord, scanRecords, streamExtent } from "./record-codec.ts";
import type { Extent, Scanned } from "./record-codec.ts";
import type { Segment } from "./segment.ts";
import type { GapRecord, OutputRecord, StreamRecord } from "./spool-record.ts";

/** What a reader follows: the segments of a spool as they come and go. */
export interface SegmentSource {
  /** The first segment with this number or a higher one. */
  segmentFrom(number: number): Segment | undefined;
  /** Up to where the bytes of a stream may have been deleted. */
  acknowledged(stream: string): number;
  /** Whether nothing more will come. */
  isEnded(): boolean;
  /** Resolves at the next change of any of these. */
  changed(): Promise<void>;
}

/** Where a reader begins and when it stops. */
export interface ReadOptions {
  /** The first byte wanted. Default: the first that is not acknowledged. */
  readonly fromOffset?: number;
  /** Whether to wait for more until the attempt has finished. Default false: stop at what is durable now. */
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * The durable records of one stream, in order and without holes: bytes that are missing come as a gap. A record that
 * begins before `fromOffset` is cut. Rejects with the signal's reason.
 */
export async function* readStream(
  source: SegmentSource,
  stream: string,
  { fromOffset = source.acknowledged(stream), follow = false, signal }: ReadOptions = {},
): AsyncGenerator<StreamRecord, void, undefined> {
  let offset = fromOffset;
  let number = 0;
  let start = 0;
  for (;;) {
    signal?.throwIfAborted();
    const change = source.changed();
    const isEnded = source.isEnded();
    const segment = source.segmentFrom(number);
    if (segment && segment.number !== number) {
      // The ones before were deleted, so what they held was acknowledged.
      if (number > 0) offset = Math.max(offset, source.acknowledged(stream));
      ({ number, start } = { number: segment.number, start: 0 });
    }
    const hasMore = segment !== undefined && segment.length > start;
    const bytes = hasMore ? await segment.read(start) : undefined;
    for (const scanned of scanRecords(bytes ?? Buffer.alloc(0))) {
      for (const record of wantedOf(scanned, stream, offset)) {
        yield record;
        offset = record.offset + lengthOf(record);
      }
    }
    start += bytes?.length ?? 0;
    if (hasMore) continue;

    const isLast = source.segmentFrom(number + 1) === undefined;
    if (segment && !isLast) ({ number, start } = { number: number + 1, start: 0 });
    else if (!follow || isEnded) return;
    else await untilAborted(change, signal);
  }
}

/** A record as the reader wants it, behind a gap for what is missing before it; nothing for other streams' records. */
function wantedOf(scanned: Scanned, stream: string, from: number): StreamRecord[] {
  const extent = streamExtent(scanned);
  if (extent?.stream !== stream || extent.offset + extent.length <= from) return [];

  const missing = extent.offset > from ? [corrupt(extent, from, extent.offset, extent.seq - 1)] : [];
  if (scanned.kind !== "record" || !isStreamRecord(scanned.record)) {
    return [corrupt(extent, from, extent.offset + extent.length, extent.seq)];
  }
  return [...missing, cut(scanned.record, from)];
}

function corrupt({ stream }: Extent, offset: number, end: number, seq: number): GapRecord {
  return { type: "gap", stream, seq, offset, length: end - offset, reason: "corrupt" };
}

function cut(record: StreamRecord, from: number): StreamRecord {
  const skipped = Math.max(0, from - record.offset);
  if (record.type === "gap") return { ...record, offset: record.offset + skipped, length: record.length - skipped };
  return { ...record, offset: record.offset + skipped, bytes: record.bytes.subarray(skipped) } satisfies OutputRecord;
}

function lengthOf(record: StreamRecord): number {
  return record.type === "gap" ? record.length : record.bytes.length;
}

async function untilAborted(change: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return change;
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = (): void => resolve();
  signal.addEventListener("abort", stop, { once: true });
  try {
    await Promise.race([change, promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
