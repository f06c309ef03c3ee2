/** What went wrong, as a word that a program can compare. */
export type PluginErrorCode =
  | "MANIFEST_INVALID"
  | "GLOB_INVALID"
  | "REQUEST_INVALID"
  | "NO_PLUGIN"
  | "ALL_PLUGINS_FAILED"
  | "PLUGIN_UNKNOWN"
  | "PLUGIN_NOT_APPROVED"
  | "PLUGIN_FAILED"
  | "PLUGIN_STOPPED"
  | "HOST_CLOSED";

/** A refusal of this package. `code` tells which, `isRetryable` whether the same call can succeed later. */
export abstract class PluginError extends Error {
  readonly code: PluginErrorCode;
  readonly isRetryable: boolean;

  constructor(code: PluginErrorCode, message: string, options: ErrorOptions & { readonly isRetryable: boolean }) {
    super(message, options);
    this.code = code;
    this.isRetryable = options.isRetryable;
  }
}
