import { limit, type WorkspaceChanges, type WorkspaceEntry } from "@signalbox/protocol";
import { createHash } from "node:crypto";

import { isCertain, type BaseFile, type BaseState } from "./base-state.ts";
import { inParallel } from "../in-parallel.ts";
import { openSafely, readSafely } from "./safe-file.ts";
import { isSameStamp, type FileStamp, type ScannedTree } from "./scan-tree.ts";

/** What a step did to its workspace. */
export interface FoundChanges {
  readonly changes: WorkspaceChanges;
  /** The workspace as the next step finds it. */
  readonly files: ReadonlyMap<string, BaseFile>;
  /** Files that are too large to keep, or no files that can be kept. */
  readonly unkept: number;
}

/**
 * Compares a workspace with what the step began from. Only files whose stamp changed are read. `commitFiles` gives git's
 * hashes of the commit, and is asked only when a file was touched that the commit has.
 */
export async function findChanges(request: {
  readonly root: string;
  readonly base: BaseState;
  readonly tree: ScannedTree;
  readonly commitFiles: () => Promise<ReadonlyMap<string, string>>;
}): Promise<FoundChanges> {
  const { root, base, tree, commitFiles } = request;
  const touched = [...tree.files].filter(([path, stamp]) => !isUntouched(base, path, stamp));
  const isCommitTouched = touched.some(([path]) => base.files.has(path) && base.files.get(path)?.sha256 === undefined);
  const hashes = isCommitTouched ? await commitFiles() : new Map<string, string>();
  const read = await inParallel(touched, async ([path, stamp]) => ({
    path,
    stamp,
    content: await hashFile(root, path, stamp),
  }));

  const files = new Map([...base.files].filter(([path]) => tree.files.has(path)));
  const written: WorkspaceEntry[] = [];
  let unkept = tree.unkept;
  for (const { path, stamp, content } of read) {
    const before = base.files.get(path);
    files.set(path, { stamp, sha256: content?.sha256 });
    if (!content) {
      // A link or file that the base has and that was only touched is no loss.
      if (!before || before.stamp.kind !== stamp.kind || before.stamp.bytes !== stamp.bytes) unkept++;
      continue;
    }
    const isSame = before && (before.sha256 === content.sha256 || hashes.get(path) === content.gitHash);
    if (isSame && before.stamp.isExecutable === stamp.isExecutable) continue;
    written.push({ path, sha256: content.sha256, bytes: content.bytes, executable: stamp.isExecutable });
  }
  const deleted = [...base.files.keys()].filter((path) => !tree.files.has(path));
  return { changes: withinLimit(base.manifest.commit, written, deleted), files, unkept };
}

function isUntouched(base: BaseState, path: string, stamp: FileStamp): boolean {
  const before = base.files.get(path);
  return before !== undefined && isSameStamp(before.stamp, stamp) && isCertain(before, base.scannedAtMs);
}

interface HashedFile {
  readonly sha256: string;
  /** As git hashes a file's content (SHA-1). */
  readonly gitHash: string;
  readonly bytes: number;
}

/** Undefined for what cannot be kept: links, special files, files over the limit. */
async function hashFile(root: string, path: string, stamp: FileStamp): Promise<HashedFile | undefined> {
  if (stamp.kind !== "file" || stamp.bytes > limit("blob.bytes")) return undefined;
  await using file = await openSafely(root, path);
  if (!file || file.bytes > limit("blob.bytes")) return undefined;
  const hash = createHash("sha256");
  const gitHash = createHash("sha1").update(`blob ${file.bytes}\0`);
  for await (const chunk of readSafely(file)) {
    hash.update(chunk);
    gitHash.update(chunk);
  }
  return { sha256: hash.digest("hex"), gitHash: gitHash.digest("hex"), bytes: file.bytes };
}

function withinLimit(commit: string | null, written: WorkspaceEntry[], deleted: string[]): WorkspaceChanges {
  const most = limit("workspace.files");
  written.sort((a, b) => (a.path < b.path ? -1 : 1));
  deleted.sort();
  const keptDeleted = deleted.slice(0, most);
  const keptWritten = written.slice(0, most - keptDeleted.length);
  const truncated = keptWritten.length < written.length || keptDeleted.length < deleted.length;
  return { v: 1, commit, written: keptWritten, deleted: keptDeleted, truncated };
}
