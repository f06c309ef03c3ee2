import type { ExitName } from "./exit-codes.ts";

/** Something that the person at the keyboard can act on; printed as it stands, without a stack. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exit: ExitName;
  /** For programs: a word like the codes of the API. */
  readonly code: string;
  /** What to do about it. */
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(
    message: string,
    options: {
      exit?: ExitName;
      code?: string;
      hint?: string | undefined;
      details?: Record<string, unknown>;
      cause?: unknown;
    } = {},
  ) {
    super(message, { cause: options.cause });
    this.exit = options.exit ?? "failed";
    this.code = options.code ?? "FAILED";
    this.hint = options.hint;
    this.details = options.details;
  }
}

/** The command line, or a file that it names, is not right. */
export function usageError(message: string, hint?: string, details?: Record<string, unknown>): CommandError {
  return new CommandError(message, { exit: "usage", code: "USAGE", hint, ...(details ? { details } : {}) });
}
