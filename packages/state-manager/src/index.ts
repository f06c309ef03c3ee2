export { systemClock } from "./clock.ts";
export type { Clock, Timer } from "./clock.ts";
export {
  CounterOverflowError,
  ForgedDeltaError,
  InvalidAnswerError,
  InvalidArgumentError,
  InvalidDeltaError,
  InvalidKeyError,
  InvalidSnapshotError,
  InvalidValueError,
  NoBusError,
  ReadRefusedError,
  STATE_ERRORS,
  StateClosedError,
  StateError,
  StateFileCorruptError,
  StateFileError,
  StateFileFailedError,
  StateFileLockedError,
  StateFileNotOursError,
  StateFileTooNewError,
  StateFullError,
  StorageFullError,
  ValueTooLargeError,
} from "./errors.ts";
export type { StateErrorCode } from "./errors.ts";
export type {
  ClockAhead,
  CounterChange,
  DeltaMade,
  MessageRefused,
  RegisterChange,
  SetChange,
  StateChange,
  StateEventName,
  StateEvents,
  StateListener,
  Trouble,
} from "./events.ts";
export type { Applied } from "./crdt/apply-delta.ts";
export { HybridClock } from "./crdt/hybrid-clock.ts";
export type { RandomBytes } from "./ids.ts";
export { STATE_LIMITS } from "./limits.ts";
export { mergeSnapshots } from "./merge-snapshots.ts";
export type { OpenPersistence, StatePersistence, StoredRecord } from "./persistence.ts";
export type { ExportOptions, ImportOptions } from "./shared-state.ts";
export { DistributedStateManager } from "./state-manager.ts";
export type { StateKind, StateManagerOptions } from "./state-manager.ts";
