import { readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { LogFile, syncDirectory } from "./log-file.ts";
import type { SyncFile } from "./log-file.ts";
import { encodeRecord, scanRecords } from "./record-codec.ts";
import type { StreamPosition } from "./stream-ledger.ts";

/** What was acknowledged, and where each stream stood when its oldest files were deleted. */
export interface Positions {
  /** The number of the oldest segment that was not deleted. */
  readonly firstSegment: number;
  /** Per stream: what is acknowledged, and the end of what the deleted segments held. */
  readonly streams: Readonly<Record<string, StreamPosition>>;
}

/** Replaces the file whole and makes it durable: a reader sees the old one or the new one. */
export async function writePositions(path: string, positions: Positions, sync: SyncFile): Promise<void> {
  const temporary = `${path}.new`;
  {
    await using file = await LogFile.open({ path: temporary, length: 0, sync });
    await file.append(encodeRecord({ type: "meta", value: positions }));
  }
  await rename(temporary, path);
  await syncDirectory(dirname(path), sync);
}

/** The positions, or those of a new spool when there is no file or a damaged one: then more is sent again than needed. */
export async function readPositions(path: string): Promise<Positions> {
  const bytes = await readFile(path).catch(() => Buffer.alloc(0));
  for (const scanned of scanRecords(bytes)) {
    // Its checksum has shown that it is what `writePositions` wrote.
    if (scanned.kind === "record" && scanned.record.type === "meta") return scanned.record.value as Positions;
  }
  return { firstSegment: 1, streams: {} };
}
