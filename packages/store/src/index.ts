export type { BlobRange, BlobSize, BlobStore, PutBlobOptions } from "./blobs/blob-store.ts";
export { FileBlobStore } from "./blobs/file-blob-store.ts";
export type { FileBlobStoreOptions } from "./blobs/file-blob-store.ts";
export { MemoryBlobStore } from "./blobs/memory-blob-store.ts";
export {
  BlobMismatchError,
  BlobTooLargeError,
  ConstraintViolationError,
  DatabaseTooNewError,
  InvalidBlobNameError,
  OutcomeUnknownError,
  StorageFullError,
  StoreBusyError,
  StoreClosedError,
  StoreError,
  StoreLockedError,
  StoreOpenError,
  UniqueViolationError,
  UnitRefusal,
} from "./errors.ts";
export type { ErrorDetails } from "./errors.ts";
export { LazyStore } from "./lazy-store.ts";
export type { Migration } from "./migration.ts";
export type { Store } from "./store.ts";
export { all, get, run } from "./unit.ts";
export type { ArgsOf, ResultOf, RunResult, SqlValue, Statement, Unit, UnitMap } from "./unit.ts";

export {
  artifactIdOf,
  attemptIdOf,
  gateIdOf,
  parseAttemptId,
  sessionIdOf,
  stepIdOf,
  stepIdOfSession,
} from "./derived-ids.ts";
export {
  readPlugin,
  readPluginOfToken,
  readPlugins,
  readProject,
  readProjects,
  readRunner,
  readRunners,
  readSecrets,
  readToken,
  readTokens,
} from "./reads/fleet.ts";
export type { RowPage } from "./reads/fleet.ts";
export { readReadyStep, readUnfinished } from "./reads/recovery.ts";
export type { HeldByRunner, Unfinished } from "./reads/recovery.ts";
export {
  readArtifact,
  readAttempt,
  readEvents,
  readEventsOfType,
  readGate,
  readGateOfStep,
  readGates,
  readOutput,
  readPlan,
  readRun,
  readRunRows,
  readRuns,
  readRunVersion,
  readStream,
} from "./reads/runs.ts";
export type { ReadRunRow, RunQuery, RunRows } from "./reads/runs.ts";
export {
  readApproval,
  readApprovals,
  readCommands,
  readOpenApprovals,
  readSession,
  readSessions,
} from "./reads/sessions.ts";
export type { ApprovalQuery, SessionQuery } from "./reads/sessions.ts";
export { findStreamSegment, readStreamLengths, readStreamSegments } from "./reads/attempt-streams.ts";
export type { SteppedStream, StreamLength, StreamPlace } from "./reads/attempt-streams.ts";
export {
  readDeliveries,
  readDelivery,
  readDueWebhooks,
  readFailedTries,
  readWebhook,
  readWebhookBacklog,
  readWebhooks,
} from "./reads/webhooks.ts";
export type { DeliveryQuery, FailedTry, WebhookBacklog } from "./reads/webhooks.ts";
export type * from "./rows.ts";
export type { SignalboxStore } from "./signalbox-store.ts";
export type { Idempotency } from "./units/idempotency.ts";
export type { PendingEvent } from "./units/events.ts";
export type { SignalboxUnits } from "./units/index.ts";
export type { RegisteredPlugin } from "./units/plugin/register-plugin.ts";
export type { OutputPiece, OutputVerdict } from "./units/run/append-output.ts";
export { newRun } from "./units/run/create-run.ts";
export type { CancelledRun } from "./units/run/cancel-run.ts";
export type { CreateRunArgs } from "./units/run/create-run.ts";
export type { FinishAttemptArgs, FinishedAttempt } from "./units/run/finish-attempt.ts";
export type { LeasedAttempt } from "./units/run/lease-attempt.ts";
export { readyStepOf } from "./units/run/run-change.ts";
export type { ReadyStep, RunOutcome } from "./units/run/run-change.ts";
export type { Reservation, RunLedger } from "./units/run/run-ledger.ts";
export { readPolicy, whyAnswerLapsed, whyLapsed } from "./units/access/decision-rule.ts";
export { hashOfApproval } from "./units/session/approvals.ts";
export { openingOf } from "./units/session/unheard-words.ts";
export { titleOf } from "./units/session/open-sessions.ts";
export type { SessionTerms } from "./units/session/open-sessions.ts";
export type { NumberedCommand, SessionOutcome } from "./units/session/session-change.ts";
export type { SentInput } from "./units/session/session-inputs.ts";
export type { StoppedSession } from "./units/session/steer-session.ts";
export type { ClaimedDelivery } from "./units/webhook/claim-deliveries.ts";
export type { TryVerdict } from "./units/webhook/record-try.ts";
export type { ProblemKind, VerifyNote, VerifyProblem } from "./verify/findings.ts";
export { verifyStore } from "./verify/verify-store.ts";
export type { VerifyOptions, VerifyReport } from "./verify/verify-store.ts";
