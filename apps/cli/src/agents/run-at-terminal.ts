import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Context } from "../context.ts";
import { CommandError } from "../errors.ts";
import type { LoginPlace } from "./login-place.ts";

/**
 * Runs an agent's own command in this terminal, at home, with a whole environment of its own. What it says and is told goes
 * between it and the terminal. Answers how it ended: a code, or the signal that ended it.
 */
export async function runAtTerminal(
  { environment, interrupts }: Context,
  { provider, home }: LoginPlace,
  [program, ...args]: readonly [string, ...string[]],
): Promise<number | string> {
  const { loginEnvironment } = await import("@signalbox/agents/install");
  const { spawn } = await import("node:child_process");
  const tmpDir = await mkdtemp(join(tmpdir(), "signalbox-login-"));
  try {
    // Keys and signals of the terminal are the program's: it ends, and then this does.
    using _ = interrupts.on(() => undefined);
    const env = loginEnvironment(provider, { home, tmpDir }, environment.variables);
    const child = spawn(program, args, { cwd: home, stdio: "inherit", env });
    return await new Promise<number | string>((resolve, reject) => {
      child.once("error", (error) => {
        reject(new CommandError(`${program} cannot be started: ${error.message}`, { cause: error }));
      });
      child.once("exit", (code, signal) => resolve(code ?? signal ?? "unknown"));
    });
  } finally {
    await rm(tmpDir, { recursive: true, force: true });
  }
}
