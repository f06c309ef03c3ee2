import type { StateError } from "./errors.ts";

/** Something that was stored, as it was given. */
export interface StoredRecord {
  /** `delta`: what one replica did. `state`: a page of a whole state; such pages stand together. */
  readonly kind: "delta" | "state";
  readonly bytes: Uint8Array;
}

/** Where a state manager keeps its state: a log of records that now and then begins anew with a whole state. */
export interface StatePersistence {
  /**
   * Opens it for one plugin, for nobody else until it is closed. Synchronous, since a register can be read right after the
   * manager was made. Throws a StateFileError.
   */
  open(pluginId: string): OpenPersistence;
}

/** A persistence in use. What its methods throw is a StateFileError; nothing of that call was stored then. */
export interface OpenPersistence {
  /** The name of this replica's parts of counters, which it keeps over its lives. */
  readonly slot: string;
  /** What was stored, in order. Read once, at the beginning. */
  load(): readonly StoredRecord[];
  /** Stores records behind the others, all or none. They are durable when it returns. */
  append(records: readonly StoredRecord[]): void;
  /** Stores records instead of all others, all or none. They are durable when it returns. */
  replace(records: readonly StoredRecord[]): void;
  /** The error for records that were stored but cannot be read. */
  damaged(reason: string, cause: unknown): StateError;
  close(): void;
}
