import { execFileSync } from "node:child_process";
import { mkdirSync, openSync, closeSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "./temp-dir.ts";

/** A file system of its own, of a few megabytes, that can be filled and emptied. */
export interface SmallDisk extends AsyncDisposable {
  /** A folder on it, not made yet. */
  readonly data: string;
  /** Takes up what is left, to the last byte. */
  fill(): void;
  /** Gives back what `fill` took. */
  empty(): void;
}

/** Whether this process may mount one. */
export function canMount(): boolean {
  return process.platform === "linux" && process.getuid?.() === 0 && tryToMount();
}

/** Mounts one in memory; it is gone when it is disposed of. */
export async function smallDisk(megabytes: number): Promise<SmallDisk> {
  const dir = await tempDir();
  const mountPoint = dir.file("disk");
  const filler = join(mountPoint, "filler");
  mount(mountPoint, megabytes);
  return {
    data: join(mountPoint, "data"),
    fill: () => writeUntilFull(filler),
    empty: () => rmSync(filler, { force: true }),
    [Symbol.asyncDispose]: async () => {
      execFileSync("umount", ["--lazy", mountPoint]);
      await dir[Symbol.asyncDispose]();
    },
  };
}

function mount(mountPoint: string, megabytes: number): void {
  mkdirSync(mountPoint);
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m,mode=0700`, "tmpfs", mountPoint], { stdio: "pipe" });
}

function tryToMount(): boolean {
  try {
    execFileSync("unshare", ["--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], { stdio: "pipe" });
    return true;
  } catch {
    return false;
  }
}

function writeUntilFull(path: string): void {
  const file = openSync(path, "a");
  try {
    for (const size of [65_536, 4_096, 1]) writeWhileThereIsRoom(file, Buffer.alloc(size));
  } finally {
    closeSync(file);
  }
}

function writeWhileThereIsRoom(file: number, chunk: Buffer): void {
  try {
    while (writeSync(file, chunk) === chunk.length);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
}
