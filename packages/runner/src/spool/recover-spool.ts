import { readdir, readFile, truncate } from "node:fs/promises";
import { join } from "node:path";
import { readPositions } from "./positions-file.ts";
import { scanRecords, streamExtent } from "./record-codec.ts";
import type { Extent } from "./record-codec.ts";
import { Segment, segmentNumber } from "./segment.ts";
import type { MetaRecord, FinishRecord } from "./spool-record.ts";
import { StreamLedger } from "./stream-ledger.ts";

/** The start grant and the finish of the attempt; never deleted before the spool is. */
export const JOURNAL_FILE = "attempt.log";
/** What was acknowledged; see `positions-file.ts`. */
export const POSITIONS_FILE = "positions";

/** What a directory was found to hold. */
export interface RecoveredSpool {
  readonly journal: RecoveredJournal;
  readonly segments: Segment[];
  readonly ledger: StreamLedger;
  /** The number of the oldest segment that was not deleted. */
  readonly firstSegment: number;
  /** Per stream: where the deleted segments ended. */
  readonly released: Map<string, { readonly offset: number; readonly seq: number }>;
  /** Bytes on disk that could not be read, the torn end of a write that nobody was told of left out. */
  readonly damagedBytes: number;
}

/** The journal, up to its last whole record. */
export interface RecoveredJournal {
  readonly length: number;
  readonly meta: MetaRecord | undefined;
  readonly finish: FinishRecord | undefined;
  readonly damagedBytes: number;
}

/** Reads a spool's directory after a restart; cuts off the torn end of the last segment, and changes nothing else. */
export async function recoverSpool(directory: string): Promise<RecoveredSpool> {
  const positions = await readPositions(join(directory, POSITIONS_FILE));
  const ledger = new StreamLedger();
  for (const [stream, position] of Object.entries(positions.streams)) ledger.restore(stream, position);
  const numbers = (await readdir(directory)).map(segmentNumber).filter((number) => number !== undefined);
  numbers.sort((a, b) => a - b);

  const released = new Map<string, { readonly offset: number; readonly seq: number }>(
    Object.entries(positions.streams),
  );
  const segments: Segment[] = [];
  const journal = await readJournal(directory);
  let { damagedBytes } = journal;
  for (const number of numbers) {
    const segment = new Segment(directory, number);
    const isLast = number === numbers.at(-1);
    // Only what is acknowledged is deleted, so what came before the first segment was.
    const isFirst = segments.length === 0 && number > positions.firstSegment;
    damagedBytes += await scanSegment(segment, { ledger, released, isFirst, isLast });
    segments.push(segment);
  }
  ledger.settle();
  const firstSegment = Math.max(positions.firstSegment, numbers[0] ?? 1);
  return { journal, segments, ledger, firstSegment, released, damagedBytes };
}

/** Reads the journal alone. */
export async function readJournal(directory: string): Promise<RecoveredJournal> {
  const bytes = await readFile(join(directory, JOURNAL_FILE)).catch(() => Buffer.alloc(0));
  let meta: MetaRecord | undefined;
  let finish: FinishRecord | undefined;
  let length = 0;
  let damagedBytes = 0;
  for (const scanned of scanRecords(bytes)) {
    if (scanned.kind === "record" && scanned.record.type === "meta") meta = scanned.record;
    if (scanned.kind === "record" && scanned.record.type === "finish") finish = scanned.record;
    if (scanned.kind === "damage") damagedBytes += scanned.end - scanned.start;
    if (scanned.kind !== "torn") length = scanned.end;
  }
  return { length, meta, finish, damagedBytes };
}

interface ScanContext {
  readonly ledger: StreamLedger;
  readonly released: RecoveredSpool["released"];
  /** Whether the segments before it have been deleted since the positions were written. */
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

/** Takes a segment's records into the ledger; answers how many of its bytes are damaged. */
async function scanSegment(segment: Segment, { ledger, released, isFirst, isLast }: ScanContext): Promise<number> {
  const bytes = await readFile(segment.path);
  let damagedBytes = 0;
  segment.length = bytes.length;
  for (const scanned of scanRecords(bytes)) {
    const extent = streamExtent(scanned);
    if (extent) {
      if (isFirst && !segment.ends.has(extent.stream)) skipTo(extent, ledger, released);
      ledger.recover(extent, scanned.kind === "record");
      segment.note(extent);
    }
    if (scanned.kind === "torn" && isLast) {
      await truncate(segment.path, scanned.start);
      segment.length = scanned.start;
    } else if (scanned.kind !== "record") damagedBytes += scanned.end - scanned.start;
  }
  return damagedBytes;
}

function skipTo({ stream, seq, offset }: Extent, ledger: StreamLedger, released: RecoveredSpool["released"]): void {
  const position = ledger.position(stream);
  if (position.offset >= offset) return;
  ledger.restore(stream, { offset, seq, acknowledged: Math.max(position.acknowledged, offset) });
  released.set(stream, { offset, seq });
}
