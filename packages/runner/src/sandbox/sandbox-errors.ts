/** Refuses to go on without a sandbox that was required; the message says what is missing and how to get it. */
export class SandboxUnavailableError extends Error {
  override readonly name = "SandboxUnavailableError";
  readonly code = "missing_dependency";

  constructor(reason: string) {
    super(`a sandbox is required, but ${reason}`);
  }
}

/** Refuses a command that cannot be run safely as asked: a path that escapes, a name that is none. No retry helps. */
export class UnsafeCommandError extends Error {
  override readonly name = "UnsafeCommandError";
  readonly code = "unsafe_command";
}
