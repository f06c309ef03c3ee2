/** Refuses a record that must not be lost because the disk is full; nothing was written. Retry when there is space. */
export class SpoolDiskFullError extends Error {
  override readonly name = "SpoolDiskFullError";
  readonly code = "disk_full";

  constructor(directory: string, cause: unknown) {
    super(`cannot write to the spool ${directory}: the disk is full`, { cause });
  }
}

/**
 * Says that the spool can no longer tell what is on its disk: a write or an fsync failed. Whether the records that it
 * concerns are durable is unknown, and asking the disk again would not tell (a second fsync may report success for
 * lost pages). The attempt goes on without its spool or ends; opening the spool anew shows what is there.
 */
export class SpoolBrokenError extends Error {
  override readonly name = "SpoolBrokenError";
  readonly code = "spool_broken";

  constructor(directory: string, cause: unknown) {
    super(`the spool ${directory} is broken: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** Refuses what is asked of a spool that its owner has closed. */
export class SpoolClosedError extends Error {
  override readonly name = "SpoolClosedError";
  readonly code = "spool_closed";

  constructor(directory: string) {
    super(`the spool ${directory} is closed`);
  }
}

/** Whether the system said that there is no space (or no quota) left. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
}
