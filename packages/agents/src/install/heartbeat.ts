import { stat, utimes } from "node:fs/promises";
import { INSTALL_LIMITS } from "./install-limits.ts";

/** Touches a file or folder until it is disposed of, so that others see that somebody is at work on it. */
export function heartbeat(path: string): Disposable {
  const beat = setInterval(() => {
    const now = new Date();
    // It may have been moved to its place, or taken away by somebody who thought it abandoned.
    void utimes(path, now, now).catch(() => undefined);
  }, INSTALL_LIMITS["lock.touchMs"].value);
  beat.unref();
  return { [Symbol.dispose]: () => clearInterval(beat) };
}

/** Whether nobody has touched a file or folder for so long that whoever was at work on it is gone. */
export async function isAbandoned(path: string): Promise<boolean> {
  try {
    return Date.now() - (await stat(path)).mtimeMs > INSTALL_LIMITS["lock.staleMs"].value;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
