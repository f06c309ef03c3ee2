/** What an install refuses or fails with, and whether the same attempt can succeed later. */
export const INSTALL_ERRORS = {
  UNKNOWN_PROVIDER: { isRetryable: false },
  INVALID_VERSION: { isRetryable: false },
  INVALID_ROOT: { isRetryable: false },
  INVALID_LOCKFILE: { isRetryable: false },
  UNSUPPORTED_PLATFORM: { isRetryable: false },
  NPM_NOT_FOUND: { isRetryable: false },
  VERSION_NOT_FOUND: { isRetryable: false },
  REGISTRY_UNREACHABLE: { isRetryable: true },
  NOT_CACHED: { isRetryable: false },
  INTEGRITY_MISMATCH: { isRetryable: false },
  PACKAGE_SKIPPED: { isRetryable: true },
  DISK_FULL: { isRetryable: true },
  NPM_FAILED: { isRetryable: false },
  BINARY_MISSING: { isRetryable: false },
  BINARY_FAILED: { isRetryable: false },
  NOT_INSTALLED: { isRetryable: false },
} as const satisfies Record<string, { readonly isRetryable: boolean }>;

/** The `code` of an `InstallError`. */
export type InstallErrorCode = keyof typeof INSTALL_ERRORS;

/** A refusal or failure to install, find or remove an agent, told apart by `code`. */
export class InstallError extends Error {
  override readonly name = "InstallError";
  readonly code: InstallErrorCode;
  /** Whether the same attempt can succeed later. */
  readonly isRetryable: boolean;
  /** The facts of the message, for those who compose their own. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: InstallErrorCode,
    message: string,
    details: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.code = code;
    this.isRetryable = INSTALL_ERRORS[code].isRetryable;
    this.details = details;
  }
}

/** Whether something caught is an `InstallError` of one of these codes (of any, when none is named). */
export function isInstallError(error: unknown, ...codes: readonly InstallErrorCode[]): error is InstallError {
  return error instanceof InstallError && (codes.length === 0 || codes.includes(error.code));
}
