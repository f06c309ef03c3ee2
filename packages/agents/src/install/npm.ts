import { InstallError } from "./install-errors.ts";
import type { InstallErrorCode } from "./install-errors.ts";
import { INSTALL_LIMITS } from "./install-limits.ts";
import { runProgram } from "./run-program.ts";
import type { ProgramEnd } from "./run-program.ts";

/** The npm that installs. Its registry, cache and proxy are what it is configured for. */
export interface Npm {
  /** The program and the arguments before its own, such as `["npm"]`. */
  readonly command: readonly [string, ...string[]];
  /** All of its environment: `npmEnvironment` picks what npm needs of a larger one. */
  readonly env: Readonly<Record<string, string>>;
}

/** What a call of npm may do. */
export interface NpmCall {
  readonly npm: Npm;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly isOffline: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Of an environment, what npm needs: where programs, homes, caches and proxies are, and npm's own settings, less those
 * that would make it install something else or elsewhere.
 */
export function npmEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && isNpms(name.toLowerCase())) picked[name] = value;
  }
  return picked;
}

/** Runs npm in a folder that holds a package. Refuses what npm refuses, with a code of ours. */
export async function runNpm(call: NpmCall): Promise<void> {
  const [program, ...before] = call.npm.command;
  const args = [...before, ...call.args, ...FLAGS, ...(call.isOffline ? ["--offline"] : [])];
  let end: ProgramEnd;
  try {
    end = await runProgram({
      program,
      args,
      cwd: call.cwd,
      env: call.npm.env,
      timeoutMs: INSTALL_LIMITS["npm.timeoutMs"].value,
      signal: call.signal,
    });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    throw new InstallError("NPM_NOT_FOUND", `npm is not there: ${program}`, { program }, { cause });
  }
  if (end.code !== 0) throw npmError(call.args[0] ?? "", end);
}

/** Scripts of packages are never run; what belongs to other uses of npm is switched off, whatever is configured. */
const FLAGS = [
  "--ignore-scripts",
  "--omit-lockfile-registry-resolved",
  "--json",
  "--loglevel=error",
  "--logs-max=0",
  "--no-audit",
  "--no-fund",
  "--no-progress",
  "--no-update-notifier",
  // npm's own pauses add up to minutes without a network.
  "--fetch-retries=2",
  "--fetch-retry-mintimeout=1000",
  "--fetch-retry-maxtimeout=5000",
];

const NAMES: ReadonlySet<string> = new Set(
  (
    "path home tmpdir temp tmp lang lc_all tz http_proxy https_proxy no_proxy proxy noproxy " +
    "node_extra_ca_certs ssl_cert_file ssl_cert_dir appdata localappdata userprofile systemroot comspec pathext"
  ).split(" "),
);

/** Settings of npm that npm itself passes on to what it runs, and that belong to that call only. */
const FOREIGN =
  /^npm_config_(?:prefix|local_prefix|global|location|workspaces?|include|omit|include_workspace_root|dry_run|package_lock|package_lock_only|save.*|ignore_scripts|install_.*|legacy_.*|os|cpu|libc|only|also|production|json|loglevel|offline|user_agent|node_gyp|npm_version|init_.*|call|package|tag|force)$/;

function isNpms(name: string): boolean {
  if (name.startsWith("npm_config_")) return !FOREIGN.test(name.replaceAll("-", "_"));
  return NAMES.has(name) || name.startsWith("xdg_");
}

const CODES: Readonly<Record<string, InstallErrorCode>> = {
  E404: "VERSION_NOT_FOUND",
  ETARGET: "VERSION_NOT_FOUND",
  ENOVERSIONS: "VERSION_NOT_FOUND",
  ENOTCACHED: "NOT_CACHED",
  EINTEGRITY: "INTEGRITY_MISMATCH",
  EUSAGE: "INVALID_LOCKFILE",
  ENOSPC: "DISK_FULL",
  EDQUOT: "DISK_FULL",
  ECONNREFUSED: "REGISTRY_UNREACHABLE",
  ECONNRESET: "REGISTRY_UNREACHABLE",
  ENOTFOUND: "REGISTRY_UNREACHABLE",
  EAI_AGAIN: "REGISTRY_UNREACHABLE",
  ETIMEDOUT: "REGISTRY_UNREACHABLE",
  ERR_SOCKET_TIMEOUT: "REGISTRY_UNREACHABLE",
  ENETUNREACH: "REGISTRY_UNREACHABLE",
  EHOSTUNREACH: "REGISTRY_UNREACHABLE",
  E429: "REGISTRY_UNREACHABLE",
  E500: "REGISTRY_UNREACHABLE",
  E502: "REGISTRY_UNREACHABLE",
  E503: "REGISTRY_UNREACHABLE",
  E504: "REGISTRY_UNREACHABLE",
};

function npmError(name: string, { isLate, code, stdout, stderr }: ProgramEnd): InstallError {
  if (isLate) {
    return new InstallError(
      "REGISTRY_UNREACHABLE",
      `npm ${name} took longer than ${INSTALL_LIMITS["npm.timeoutMs"].value} ms`,
    );
  }
  const said = npmsWords(stdout, stderr);
  const why = said.summary || (code === undefined ? "a signal ended it" : `exit code ${code}`);
  return new InstallError(CODES[said.code] ?? "NPM_FAILED", `npm ${name} failed: ${why}`, {
    npmCode: said.code,
    stderr: stderr.slice(-STDERR_SHOWN),
  });
}

const STDERR_SHOWN = 4_000;

/** With `--json`, npm ends with an object that holds its error; an npm that got no further prints lines. */
function npmsWords(stdout: string, stderr: string): { code: string; summary: string } {
  for (const text of [stdout, stderr]) {
    try {
      const { error } = JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1)) as {
        error?: { code?: unknown; summary?: unknown };
      };
      if (error) return { code: word(error.code), summary: word(error.summary) };
    } catch {
      // No object here.
    }
  }
  const lines = [...stderr.matchAll(/^npm (?:error|ERR!) (.*)$/gm)].map(([, line = ""]) => line);
  const code = lines.find((line) => line.startsWith("code "))?.slice("code ".length) ?? "";
  return {
    code,
    summary: lines
      .filter((line) => !line.startsWith("code "))
      .slice(0, 3)
      .join(" "),
  };
}

function word(value: unknown): string {
  return typeof value === "string" ? value.trim() : "";
}
