/** The fewest bytes that a secret, or an encoded form of one, must have to be recognised: shorter ones match by chance. */
export const MIN_PATTERN_BYTES = 6;

/**
 * Refuses secrets that are too short to redact: masking three bytes would blank half of every log and hide nothing.
 * Carries the names only; the caller decides whether the work may run without them. A retry does not help.
 */
export class SecretTooShortError extends Error {
  override readonly name = "SecretTooShortError";
  readonly code = "secret_too_short";
  readonly secretNames: readonly string[];

  constructor(secretNames: readonly string[]) {
    super(`secrets need at least ${MIN_PATTERN_BYTES} bytes to be redacted; too short: ${secretNames.join(", ")}`);
    this.secretNames = secretNames;
  }
}
