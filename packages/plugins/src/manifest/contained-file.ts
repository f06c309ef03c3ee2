import { constants } from "node:fs";
import { open, realpath, stat } from "node:fs/promises";
import { isAbsolute, join, relative, sep } from "node:path";

const TROUBLES = {
  missing: "nothing",
  outside: "a path that leads out of the folder",
  other: "something that is not a file",
  large: "a file that is larger",
  unreadable: "a file that cannot be read",
  encoding: "a file that is not UTF-8",
} as const;
export type FileTrouble = keyof typeof TROUBLES;

/** Why a file of a folder cannot be used. */
export class ContainedFileError extends Error {
  override readonly name = "ContainedFileError";
  readonly trouble: FileTrouble;
  /** As the object of "found". */
  readonly found: string;

  constructor(trouble: FileTrouble, options?: ErrorOptions) {
    super(TROUBLES[trouble], options);
    this.trouble = trouble;
    this.found = TROUBLES[trouble];
  }
}

/** The absolute path without links of something inside a folder, which itself is such a path. */
export async function locateInside(folder: string, path: string): Promise<string> {
  const real = await telling(() => realpath(join(folder, path)));
  const inner = relative(folder, real);
  if (isAbsolute(inner) || inner === ".." || inner.startsWith(`..${sep}`)) throw new ContainedFileError("outside");
  return real;
}

/** The same for what must be a file. */
export async function locateFileInside(folder: string, path: string): Promise<string> {
  const real = await locateInside(folder, path);
  const stats = await telling(() => stat(real));
  if (!stats.isFile()) throw new ContainedFileError("other");
  return real;
}

/** The text of a file inside a folder, of at most so many bytes. */
export async function readTextInside(folder: string, path: string, maxBytes: number): Promise<string> {
  const real = await locateInside(folder, path);
  // A named pipe would be waited for, and a link may have taken the file's place by now.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
  const bytes = await telling(async () => {
    await using file = await open(real, flags);
    const stats = await file.stat();
    if (!stats.isFile()) throw new ContainedFileError("other");
    // What the size says may change while the file is read.
    const { buffer, bytesRead } = await file.read(Buffer.alloc(maxBytes + 1), 0, maxBytes + 1, 0);
    if (stats.size > maxBytes || bytesRead > maxBytes) throw new ContainedFileError("large");
    return buffer.subarray(0, bytesRead);
  });
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new ContainedFileError("encoding", { cause: error });
  }
}

async function telling<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Error) || !("syscall" in error) || !("code" in error)) throw error;
    const isMissing = error.code === "ENOENT" || error.code === "ENOTDIR";
    throw new ContainedFileError(isMissing ? "missing" : "unreadable", { cause: error });
  }
}
