import type { CommandEnd, ToolResult } from "./tool.ts";

/** The exit codes by which /bin/sh says that it could not start a program. */
const SHELL_CODES: Readonly<Record<number, Pick<ToolResult, "reason" | "message">>> = {
  126: { reason: "permission_error", message: "the shell was not permitted to run a program (exit code 126)" },
  127: { reason: "missing_dependency", message: "the shell did not find a program (exit code 127)" },
};

/** What the end of a command means for its step. */
export function resultOfCommand({ exitCode, signal }: CommandEnd, isShell: boolean): ToolResult {
  if (exitCode === 0) return { outcome: "succeeded", exitCode };
  if (exitCode === null) {
    return {
      outcome: "failed",
      reason: "tool_failure",
      message: `the command was ended by ${signal}`,
      ...(signal ? { signal } : {}),
    };
  }
  const known = isShell ? SHELL_CODES[exitCode] : undefined;
  return {
    outcome: "failed",
    reason: "tool_failure",
    message: `the command ended with exit code ${exitCode}`,
    ...known,
    exitCode,
  };
}
