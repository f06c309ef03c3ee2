/** How much a writer takes at once and lets wait; every number can be set in the options of the store. */
export interface WriterLimits {
  /** The most units in one commit. */
  readonly maxGroupUnits: number;
  /** A commit takes no further unit once its units hold this many bytes of arguments. */
  readonly maxGroupBytes: number;
  /** The most units that wait for their commit; the next is refused with `StoreBusyError`. */
  readonly maxQueuedUnits: number;
  /** The most bytes of arguments that wait for their commit; the next unit is refused with `StoreBusyError`. */
  readonly maxQueuedBytes: number;
}

export const DEFAULT_WRITER_LIMITS: WriterLimits = {
  maxGroupUnits: 512,
  maxGroupBytes: 4 * 1024 * 1024,
  maxQueuedUnits: 20_000,
  maxQueuedBytes: 64 * 1024 * 1024,
};

/** How long a statement waits, in milliseconds, for a lock that another program holds on the database. */
export const DEFAULT_BUSY_TIMEOUT_MS = 5_000;

/** The size of the file that is given up when the disk is full, in bytes. */
export const DEFAULT_RESERVE_BYTES = 64 * 1024 * 1024;

/** How often at most a lost reserve is tried again, in milliseconds. */
export const RESERVE_RETRY_MS = 2_000;

/** The write-ahead log is copied into the database when it holds about this many pages of 4 KiB. */
export const CHECKPOINT_PAGES = 4_096;

/** A write-ahead log file of more bytes than this is emptied; while a reader needs it, it is tried every so many more. */
export const MAX_WAL_BYTES = 64 * 1024 * 1024;
export const WAL_GROWTH_BYTES = 16 * 1024 * 1024;

/** The most statements that a connection keeps prepared. */
export const MAX_PREPARED_STATEMENTS = 1_000;

/** What a connection keeps of the database in memory, in KiB. */
export const WRITER_CACHE_KIB = 64 * 1024;
export const READER_CACHE_KIB = 32 * 1024;
