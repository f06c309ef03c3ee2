import type { Download } from "@signalbox/client";
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { lstat, mkdir, open, realpath, rename, rm } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";

import { CommandError } from "../errors.ts";

/** Where a content goes. */
export interface SaveOptions {
  readonly folder: string;
  /** Below the folder, as the server tells it. */
  readonly path: string;
  readonly cwd: string;
  /** What the bytes must hash to, where it is known. */
  readonly sha256: string | undefined;
  /** Whether a file that is there is written over. */
  readonly isForced: boolean;
}

/**
 * Saves a content below a folder and answers with the file's path. The path comes from elsewhere, so it may leave
 * the folder neither by `..` nor through a link; a file is there whole and of the right hash, or not at all.
 */
export async function saveContent(
  download: Download,
  { folder, path, cwd, sha256, isForced }: SaveOptions,
): Promise<string> {
  const file = resolve(cwd, folder, path);
  try {
    await prepare(resolve(cwd, folder), file, path, isForced);
  } catch (error) {
    await download.cancel();
    throw error;
  }
  const partial = `${file}.part-${process.pid}`;
  try {
    const found = await write(download, partial);
    if (sha256 !== undefined && found !== sha256) {
      throw new CommandError(`what came for ${path} is not what was announced (sha256 ${found}, not ${sha256})`, {
        code: "CONTENT_DAMAGED",
      });
    }
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  return relative(cwd, file) || file;
}

async function prepare(folder: string, file: string, path: string, isForced: boolean): Promise<void> {
  if (!file.startsWith(folder.endsWith(sep) ? folder : folder + sep)) throw outside(path);
  await mkdir(folder, { recursive: true });
  const root = await realpath(folder);
  for (const part of partsBetween(folder, dirname(file))) {
    const real = await realpath(part).catch(ifMissing);
    if (real !== undefined && real !== root && !real.startsWith(root + sep)) throw outside(path);
    if (real === undefined) await mkdir(part);
  }
  const there = await lstat(file).catch(ifMissing);
  if (there && (!isForced || there.isDirectory())) {
    throw new CommandError(`${file} is there already`, {
      code: "FILE_EXISTS",
      hint: there.isDirectory() ? undefined : "--force writes over it",
    });
  }
}

function partsBetween(folder: string, last: string): string[] {
  const names = relative(folder, last).split(sep).filter(Boolean);
  return names.map((_, index) => join(folder, ...names.slice(0, index + 1)));
}

async function write(download: Download, file: string): Promise<string> {
  const hash = createHash("sha256");
  await using handle = await open(
    file,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
  );
  for await (const piece of download.stream()) {
    hash.update(piece);
    await handle.writeFile(piece);
  }
  return hash.digest("hex");
}

function outside(path: string): CommandError {
  return new CommandError(`${path} would be outside of the folder; it is not fetched`, { code: "UNSAFE_PATH" });
}

function ifMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}
