import { WorkspacePathSchema } from "@signalbox/protocol";
import type { Dirent } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

/** What tells without reading whether a file is still the same. */
export interface FileStamp {
  readonly kind: "file" | "link";
  readonly bytes: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly inode: number;
  readonly isExecutable: boolean;
}

/** A workspace as it stands on disk. */
export interface ScannedTree {
  readonly files: ReadonlyMap<string, FileStamp>;
  /** How many things cannot be kept: pipes, sockets, devices, names that no workspace path can have. */
  readonly unkept: number;
}

/**
 * Lists the files of a folder, without following links and without opening anything. `isLeftOut` is asked for each path;
 * a folder that is left out is not entered.
 */
export async function scanTree(
  root: string,
  isLeftOut: (path: string, isFolder: boolean) => boolean,
): Promise<ScannedTree> {
  const files = new Map<string, FileStamp>();
  let unkept = 0;
  const visit = async (folder: string): Promise<void> => {
    // Names as bytes: one that is no UTF-8 would otherwise be changed into the name of another file.
    const entries = await readdir(join(root, folder), { withFileTypes: true, encoding: "buffer" }).catch(() => []);
    const folders: string[] = [];
    const stamped = await inBatches(entries, async (entry) => {
      const path = pathOf(folder, entry.name);
      if (path === undefined) return void unkept++;
      if (isLeftOut(path, entry.isDirectory())) return;
      if (entry.isDirectory()) return void folders.push(path);
      if (!entry.isFile() && !entry.isSymbolicLink()) return void unkept++;
      return [path, await stampOf(join(root, path), entry)] as const;
    });
    for (const found of stamped) if (found?.[1]) files.set(found[0], found[1]);
    for (const path of folders.sort()) await visit(path);
  };
  await visit("");
  return { files, unkept };
}

/** Whether a file can be taken to be unchanged. */
export function isSameStamp(a: FileStamp, b: FileStamp): boolean {
  return (
    a.kind === b.kind &&
    a.bytes === b.bytes &&
    a.mtimeMs === b.mtimeMs &&
    a.ctimeMs === b.ctimeMs &&
    a.inode === b.inode &&
    a.isExecutable === b.isExecutable
  );
}

const BATCH = 64;

async function inBatches<In, Out>(items: readonly In[], each: (item: In) => Promise<Out>): Promise<Out[]> {
  const results: Out[] = [];
  for (let start = 0; start < items.length; start += BATCH) {
    results.push(...(await Promise.all(items.slice(start, start + BATCH).map(each))));
  }
  return results;
}

function pathOf(folder: string, name: Buffer): string | undefined {
  const text = name.toString();
  if (!Buffer.from(text).equals(name)) return undefined;
  return WorkspacePathSchema.safeParse(folder === "" ? text : `${folder}/${text}`).data;
}

async function stampOf(full: string, entry: Dirent<Buffer>): Promise<FileStamp | undefined> {
  const stats = await lstat(full).catch(() => undefined);
  if (!stats) return undefined;
  return {
    kind: entry.isSymbolicLink() ? "link" : "file",
    bytes: stats.size,
    mtimeMs: stats.mtimeMs,
    ctimeMs: stats.ctimeMs,
    inode: stats.ino,
    isExecutable: (stats.mode & 0o100) !== 0,
  };
}
