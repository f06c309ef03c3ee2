import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder of its own for one test; gone, with all that is in it, when it is disposed of. */
export interface TempDir extends AsyncDisposable {
  readonly path: string;
  /** A path inside the folder; nothing is created. */
  file(...segments: string[]): string;
}

/** Makes an empty folder: `await using dir = await tempDir()`. Its path has no symbolic link in it. */
export async function tempDir(prefix = "signalbox-"): Promise<TempDir> {
  const path = await realpath(await mkdtemp(join(tmpdir(), prefix)));
  return {
    path,
    file: (...segments) => join(path, ...segments),
    // A process that is just ending may still write here, so removal is tried again.
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }),
  };
}
