import { randomUUID } from "node:crypto";
import { open, readFile, rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { heartbeat, isAbandoned } from "./heartbeat.ts";
import { INSTALL_LIMITS } from "./install-limits.ts";

export interface InstallLockOptions {
  readonly file: string;
  readonly signal?: AbortSignal | undefined;
  /** Called once, when somebody else holds the lock. */
  readonly onWait?: (() => void) | undefined;
}

/**
 * Waits until this is the one that holds the lock file, and holds it until it is disposed of. A lock whose holder was
 * killed is taken over. It saves double work, no more: a holder that was suspended for long does not know that its lock
 * was taken over, so what is done under it must come out right even when two do it.
 */
export async function installLock({ file, signal, onWait }: InstallLockOptions): Promise<AsyncDisposable> {
  const token = randomUUID();
  for (let hasTold = false; !(await tryCreate(file, token)); hasTold = true) {
    if (!hasTold) onWait?.();
    if (await isAbandoned(file)) await rm(file, { force: true });
    signal?.throwIfAborted();
    await sleep(INSTALL_LIMITS["lock.pollMs"].value);
    signal?.throwIfAborted();
  }
  const beat = heartbeat(file);
  return {
    [Symbol.asyncDispose]: async () => {
      beat[Symbol.dispose]();
      const holder = await readFile(file, "utf8").catch(() => "");
      if (holder === token) await rm(file, { force: true });
    },
  };
}

async function tryCreate(file: string, token: string): Promise<boolean> {
  try {
    await using handle = await open(file, "wx");
    await handle.writeFile(token);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}
