import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { JOURNAL_FILE, readJournal } from "./recover-spool.ts";

/** An attempt whose spool is still there: the server has not acknowledged its end. */
export interface UnfinishedAttempt {
  /** The name of its directory. */
  readonly attemptId: string;
  readonly directory: string;
  /** The start grant; undefined when the runner died before it was written. */
  readonly meta: unknown;
  /** How it ended; undefined when the runner died first. */
  readonly finish: unknown;
}

/** The spools below a directory, in the order of their names; none when it does not exist. Changes nothing. */
export async function listSpools(root: string): Promise<UnfinishedAttempt[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
  const directories = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(root, name));
  const attempts = await Promise.all(directories.map(readAttempt));
  return attempts.filter((attempt) => attempt !== undefined).sort((a, b) => (a.attemptId < b.attemptId ? -1 : 1));
}

/** Undefined for a directory without a journal: it is no spool, or one whose deletion was cut short. */
async function readAttempt(directory: string): Promise<UnfinishedAttempt | undefined> {
  if (!(await readdir(directory)).includes(JOURNAL_FILE)) return undefined;
  const { meta, finish } = await readJournal(directory);
  return { attemptId: basename(directory), directory, meta: meta?.value, finish: finish?.value };
}
