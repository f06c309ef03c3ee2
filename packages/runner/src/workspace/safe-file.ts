import { constants } from "node:fs";
import { lstat, mkdir, open, readlink, rm, unlink, type FileHandle } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";

/** A regular file of a workspace, open for reading and known to be where it is said to be. */
export interface SafeFile extends AsyncDisposable {
  readonly handle: FileHandle;
  readonly bytes: number;
  readonly isExecutable: boolean;
}

/**
 * Opens a file of a workspace as data; undefined for all that is no regular file inside: links, pipes, devices, files with
 * another name elsewhere. What was opened is checked, not the path, so nobody can swap it in between; opening never
 * waits. `root` must be free of links. Linux only.
 */
export async function openSafely(root: string, path: string): Promise<SafeFile | undefined> {
  const full = join(root, path);
  const handle = await open(full, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    () => undefined,
  );
  if (!handle) return undefined;
  try {
    const [place, stats] = [await readlink(`/proc/self/fd/${handle.fd}`), await handle.stat()];
    if (place === full && stats.isFile() && stats.nlink === 1) {
      const isExecutable = (stats.mode & 0o100) !== 0;
      return { handle, bytes: stats.size, isExecutable, [Symbol.asyncDispose]: () => handle.close() };
    }
  } catch {
    // It is gone: as good as a file that was never there.
  }
  await handle.close();
  return undefined;
}

/**
 * Opens the file of a workspace that a link of it leads to; undefined for what is no link, leads out of it, or leads to another
 * link. Whatever the link says by then, what was opened is inside.
 */
export async function openLinked(root: string, path: string): Promise<SafeFile | undefined> {
  const target = await readlink(join(root, path)).catch(() => undefined);
  if (target === undefined || isAbsolute(target)) return undefined;
  const place = join(dirname(path), target);
  return place === ".." || place.startsWith("../") ? undefined : openSafely(root, place);
}

const CHUNK_BYTES = 262_144;

/** The bytes of an open file from its start to the size that it had when it was opened. */
export async function* readSafely({ handle, bytes }: SafeFile): AsyncGenerator<Buffer> {
  for (let position = 0; position < bytes;) {
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, bytes - position));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/**
 * Makes a file of a workspace anew. Whatever stands at the path or above it and is no folder is removed first, links above
 * all, so that nothing is written through them. Only for a workspace in which nothing runs.
 */
export async function createSafely(root: string, path: string, isExecutable: boolean): Promise<FileHandle> {
  await makeFolders(root, dirname(path));
  const full = join(root, path);
  await removeInside(root, path);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  return open(full, flags, isExecutable ? 0o755 : 0o644);
}

/** Removes what stands at a path of a workspace; a link itself, never what it points to. */
export async function removeInside(root: string, path: string): Promise<void> {
  if (!(await isFolderInside(root, dirname(path)))) return;
  const full = join(root, path);
  const stats = await lstat(full).catch(() => undefined);
  if (!stats) return;
  if (stats.isDirectory()) await rm(full, { recursive: true, force: true });
  else await unlink(full);
}

async function makeFolders(root: string, folder: string): Promise<void> {
  for (const path of foldersOf(folder)) {
    const full = join(root, path);
    const stats = await lstat(full).catch(() => undefined);
    if (stats?.isDirectory()) continue;
    if (stats) await unlink(full);
    // Another file of the same folder may be written at the same time.
    await mkdir(full, { recursive: true });
  }
}

/** Whether a path, and all above it, is a folder and no link. */
export async function isFolderInside(root: string, folder: string): Promise<boolean> {
  for (const path of foldersOf(folder)) {
    const stats = await lstat(join(root, path)).catch(() => undefined);
    if (!stats?.isDirectory()) return false;
  }
  return true;
}

/** `a/b/c` as `a`, `a/b`, `a/b/c`. */
function foldersOf(folder: string): string[] {
  if (folder === ".") return [];
  const names = folder.split("/");
  return names.map((_, index) => names.slice(0, index + 1).join("/"));
}
