import { mkdir, readdir, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";

/** Where a session's agent has its files on this machine. */
export interface SessionFolders {
  /** What of this machine the agent may change beside its workspace. */
  readonly folder: string;
  readonly home: string;
  readonly tmp: string;
}

/**
 * The session's own folder: it outlives the attempt, so that the next one on this machine can load the conversation. An agent
 * with a home of the owner's gets a place for temporary files there.
 */
export async function openSessionFolders(
  root: string,
  sessionId: string,
  home: string | undefined,
): Promise<SessionFolders> {
  const folder = home ?? join(root, sessionId);
  const folders =
    home === undefined
      ? { folder, home: join(folder, "home"), tmp: join(folder, "tmp") }
      : { folder, home, tmp: join(folder, ".signalbox", sessionId) };
  for (const each of [folders.home, folders.tmp]) await mkdir(each, { recursive: true, mode: 0o700 });
  if (home === undefined) await touch(folder);
  return folders;
}

/** Removes the folder of a session that is over for good. A home of the owner's stays, without what was temporary. */
export async function closeSessionFolders({ folder, tmp }: SessionFolders, home: string | undefined): Promise<void> {
  await rm(home === undefined ? folder : tmp, { recursive: true, force: true });
}

/** Removes the folders of sessions that nothing has been begun in since then. None of them may be in use. */
export async function removeOldSessionFolders(root: string, before: number): Promise<void> {
  for (const name of await readdir(root).catch(() => [])) {
    const folder = join(root, name);
    const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    if (mtimeMs < before) await rm(folder, { recursive: true, force: true });
  }
}

async function touch(folder: string): Promise<void> {
  const now = new Date();
  await utimes(folder, now, now);
}
