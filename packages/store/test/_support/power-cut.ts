import type { DiskStep } from "./disk-journal.ts";

/** The files of a disk by name. */
export type DiskImage = Map<string, Buffer>;

const SECTOR_BYTES = 512;

/**
 * What a disk may hold after the power fails at the end of these steps. What was synced is there: the bytes of a file
 * by a sync of the file, its removal by one of the folder. Of each later step `fate` says how much arrived: 0 nothing,
 * 1 all, between them a torn write; in any combination, as disks and kernels reorder them.
 */
export function diskAfterPowerCut(steps: readonly DiskStep[], fate: () => number): DiskImage {
  const image: DiskImage = new Map();
  const syncedUntil = lastSyncs(steps);
  for (const [index, step] of steps.entries()) {
    if (step.kind === "say" || step.kind === "sync") continue;
    const synced = syncedUntil.get(step.kind === "unlink" ? FOLDER : step.file) ?? -1;
    apply(image, step, index < synced ? 1 : fate());
  }
  return image;
}

const FOLDER = ".";

/** The last sync of each file; what is synced and never written is the folder. */
function lastSyncs(steps: readonly DiskStep[]): Map<string, number> {
  const files = new Set(steps.flatMap((step) => (step.kind === "write" ? [step.file] : [])));
  const last = new Map<string, number>();
  for (const [index, step] of steps.entries()) {
    if (step.kind === "sync") last.set(files.has(step.file) ? step.file : FOLDER, index);
  }
  return last;
}

type Change = Exclude<DiskStep, { kind: "say" | "sync" }>;

function apply(image: DiskImage, step: Change, share: number): void {
  if (share === 0) return;
  const before = image.get(step.file) ?? Buffer.alloc(0);
  if (step.kind === "unlink") image.delete(step.file);
  else if (step.kind === "truncate") image.set(step.file, resized(before, step.size));
  else image.set(step.file, written(before, step.offset, tornAt(step.bytes, share)));
}

function tornAt(bytes: Buffer, share: number): Buffer {
  const sectors = Math.ceil((bytes.length * share) / SECTOR_BYTES);
  return bytes.subarray(0, sectors * SECTOR_BYTES);
}

function written(before: Buffer, offset: number, bytes: Buffer): Buffer {
  const after = resized(before, Math.max(before.length, offset + bytes.length));
  bytes.copy(after, offset);
  return after;
}

/** A copy of this size, with zeros where nothing was. */
function resized(before: Buffer, size: number): Buffer {
  const after = Buffer.alloc(size);
  before.copy(after);
  return after;
}
