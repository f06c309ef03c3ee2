/** Why a command could not be started. Only `spawn_failed` (out of processes, descriptors, memory) may pass by itself. */
export type SpawnErrorCode = "missing_dependency" | "missing_directory" | "permission_error" | "spawn_failed";

/** Refuses an attempt whose command could not be started; nothing of it runs. */
export class SpawnError extends Error {
  override readonly name = "SpawnError";
  readonly code: SpawnErrorCode;
  readonly isRetryable: boolean;

  constructor(code: SpawnErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.isRetryable = code === "spawn_failed";
  }
}

/**
 * Names what stood in the way. The system answers ENOENT for a missing program and for a missing working directory
 * alike, so the caller says whether the directory exists.
 */
export function toSpawnError(cause: unknown, program: string, cwd: string, hasDirectory: boolean): SpawnError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
  if (code === "ENOENT" && !hasDirectory) {
    return new SpawnError("missing_directory", `cannot start ${program}: its directory ${cwd} does not exist`, cause);
  }
  if (code === "ENOENT") return new SpawnError("missing_dependency", `cannot start ${program}: no such program`, cause);
  if (code === "EACCES" || code === "EPERM") {
    return new SpawnError("permission_error", `cannot start ${program}: not permitted (${code})`, cause);
  }
  return new SpawnError("spawn_failed", `cannot start ${program}: ${code}`, cause);
}
