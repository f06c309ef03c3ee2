import type { WorkspaceManifest } from "@signalbox/protocol";

import type { FileStamp } from "./scan-tree.ts";

/** A file as a step finds it. The hash is absent where the commit of the repository has it. */
export interface BaseFile {
  readonly stamp: FileStamp;
  readonly sha256?: string | undefined;
}

/** What a step begins from. */
export interface BaseState {
  readonly manifest: WorkspaceManifest;
  readonly files: ReadonlyMap<string, BaseFile>;
  /** When the files were looked at, in milliseconds since the epoch. */
  readonly scannedAtMs: number;
}

/** The resolution of the times of a file, generously: a file touched in the same tick as the look may have changed unseen. */
const TICK_MS = 20;

/** Whether the stamp of a base file says for certain what the file held. */
export function isCertain({ stamp }: BaseFile, scannedAtMs: number): boolean {
  return Math.max(stamp.mtimeMs, stamp.ctimeMs) < scannedAtMs - TICK_MS;
}

/** A base as text, for a later step of the run. */
export function encodeBase({ manifest, files, scannedAtMs }: BaseState): string {
  return JSON.stringify({ manifest, scannedAtMs, files: [...files] });
}

/** The text of `encodeBase`, which only this runner writes, into a folder that no step sees. */
export function decodeBase(text: string): BaseState {
  const stored = JSON.parse(text) as Omit<BaseState, "files"> & { files: [string, BaseFile][] };
  return { ...stored, files: new Map(stored.files) };
}
