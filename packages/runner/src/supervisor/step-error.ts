import type { FailureReason } from "@signalbox/protocol";
import * as z from "zod";

import { DiffError } from "../diff/diff-error.ts";
import { BlobError } from "../link/blob-client.ts";
import { SecretTooShortError } from "../redaction/secret-too-short-error.ts";
import { UnsafeCommandError } from "../sandbox/sandbox-errors.ts";
import { SpawnError } from "../process/spawn-error.ts";

/** Why a step cannot be carried out here, in the words of the protocol. Its message goes to the control plane. */
export class StepError extends Error {
  override readonly name = "StepError";
  readonly reason: FailureReason;

  constructor(reason: FailureReason, message: string, cause?: unknown) {
    super(message, { cause });
    this.reason = reason;
  }
}

/** The errors that a step may end with, as `StepError`; every other is a bug and undefined here. */
export function toStepError(error: unknown, tool: string): StepError | undefined {
  if (error instanceof StepError) return error;
  if (error instanceof z.ZodError)
    return new StepError(
      "runtime_error",
      `the inputs of ${tool} are not as documented: ${z.prettifyError(error)}`,
      error,
    );
  if (error instanceof BlobError) return new StepError("runtime_error", error.message, error);
  if (error instanceof DiffError) return new StepError("workspace_unavailable", error.message, error);
  if (error instanceof UnsafeCommandError) return new StepError("runtime_error", error.message, error);
  if (error instanceof SecretTooShortError) return new StepError("runtime_error", error.message, error);
  if (!(error instanceof SpawnError)) return undefined;
  if (error.code === "missing_dependency" || error.code === "permission_error")
    return new StepError(error.code, error.message, error);
  return new StepError(
    "runtime_error",
    error.code === "missing_directory" ? "the directory of the command does not exist" : error.message,
    error,
  );
}
