import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { REMOVAL } from "./agent-folders.ts";
import { InstallError } from "./install-errors.ts";
import { INSTALL_LIMITS } from "./install-limits.ts";
import type { InstalledAgent } from "./installed-agent.ts";
import { runProgram } from "./run-program.ts";
import type { ProgramEnd } from "./run-program.ts";

/** Starts the program with an empty home and asks for its version. Refuses with BINARY_FAILED any other than it should be. */
export async function checkReportedVersion(agent: InstalledAgent, signal?: AbortSignal): Promise<void> {
  const { provider, version, dir, argv } = agent;
  const home = join(dir, ".home");
  const tmp = join(dir, ".home-tmp");
  await Promise.all([home, tmp].map((path) => mkdir(path)));
  try {
    const [program, ...before] = argv;
    const timeoutMs = INSTALL_LIMITS["check.timeoutMs"].value;
    const end = await runProgram({
      program,
      args: [...before, "--version"],
      cwd: home,
      env: environment(home, tmp),
      timeoutMs,
      signal,
    });
    if (versionIn(end) === version) return;
    throw new InstallError("BINARY_FAILED", `${provider} ${version} was installed, but ${complaint(end)}`, {
      provider,
      version,
      stderr: end.stderr.slice(-SHOWN),
    });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).syscall === undefined) throw cause;
    throw new InstallError(
      "BINARY_FAILED",
      `${provider} ${version} was installed, but cannot be started`,
      { provider, version },
      { cause },
    );
  } finally {
    await Promise.all([home, tmp].map((path) => rm(path, REMOVAL)));
  }
}

const SHOWN = 2_000;

/** What agents do at a start beside their work is switched off. */
function environment(home: string, tmp: string): Record<string, string> {
  return {
    PATH: "/usr/local/bin:/usr/bin:/bin",
    HOME: home,
    TMPDIR: tmp,
    DISABLE_AUTOUPDATER: "1",
    DISABLE_TELEMETRY: "1",
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    GEMINI_CLI_NO_RELAUNCH: "true",
    NO_BROWSER: "true",
  };
}

/** `codex-cli 1.2.3`, `1.2.3 (Claude Code)` or `1.2.3`. */
function versionIn({ code, stdout }: ProgramEnd): string | undefined {
  return code === 0 ? stdout.match(/\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?/)?.[0] : undefined;
}

function complaint(end: ProgramEnd): string {
  if (end.isLate) return `did not tell its version within ${INSTALL_LIMITS["check.timeoutMs"].value} ms`;
  if (end.code !== 0)
    return `ended with ${end.code === undefined ? "a signal" : `exit code ${end.code}`} when asked for its version`;
  return `calls itself ${JSON.stringify(end.stdout.trim().slice(0, 200))}`;
}
