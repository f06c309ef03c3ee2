/** The configuration cannot be used; the message is one line that says what to change. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}
