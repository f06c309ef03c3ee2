import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { findProgram } from "../process/find-program.ts";
import { SpawnError } from "../process/spawn-error.ts";
import { BubblewrapSandbox } from "./bubblewrap-sandbox.ts";
import { NoSandbox } from "./no-sandbox.ts";
import type { Sandbox } from "./sandbox.ts";
import { SandboxUnavailableError } from "./sandbox-errors.ts";
import { DEFAULT_PATH } from "./step-environment.ts";
import { writeSupportFiles } from "./support-files.ts";

/** How much the operator insists, and where the sandbox may keep its few files. */
export interface DetectSandboxSettings {
  /** "auto": the best there is. "required": a real one or a refusal. "none": no sandbox, on the operator's word. */
  readonly mode: "auto" | "required" | "none";
  /** A folder of the runner's own, outside every workspace. */
  readonly supportDirectory: string;
  /** The program to look for. Default "bwrap", along the system's own folders. */
  readonly program?: string;
  readonly scratchBytes?: number;
}

/**
 * Finds the sandbox for this machine by running `true` in it, in the very profile that steps will get. What it took
 * and why stands in the answer's description. Throws `SandboxUnavailableError` when one is required and none works.
 */
export async function detectSandbox(settings: DetectSandboxSettings): Promise<Sandbox> {
  if (settings.mode === "none") return new NoSandbox("the operator chose to run without a sandbox");

  const found = await tryBubblewrap(settings);
  if (typeof found !== "string") return found;
  if (settings.mode === "required") throw new SandboxUnavailableError(found);
  return new NoSandbox(found);
}

/** The sandbox, or what is missing for it. */
async function tryBubblewrap(settings: DetectSandboxSettings): Promise<Sandbox | string> {
  const { program = "bwrap", supportDirectory, scratchBytes } = settings;
  if (process.platform !== "linux") return `bubblewrap needs Linux, and this is ${process.platform}`;
  try {
    const path = await findProgram(program, DEFAULT_PATH, "/");
    const { stdout } = await run(path, ["--version"], PROBE_OPTIONS);
    const supportFiles = await writeSupportFiles(supportDirectory);
    const version = stdout.trim().split(" ").at(-1) ?? "unknown";
    const limits = scratchBytes === undefined ? {} : { scratchBytes };
    const sandbox = new BubblewrapSandbox({ program: path, version, supportFiles, ...limits });
    await probe(sandbox, join(supportDirectory, "probe"));
    return sandbox;
  } catch (error) {
    return whatIsMissing(error, program);
  }
}

const run = promisify(execFile);
const PROBE_OPTIONS = { timeout: 10_000, env: {} };

async function probe(sandbox: Sandbox, workspace: string): Promise<void> {
  await mkdir(workspace, { recursive: true });
  const { argv, env, cwd } = sandbox.wrap({ argv: ["true"], env: {}, workspace, network: "none", pty: false });
  const [program = "", ...args] = argv;
  await run(program, args, { ...PROBE_OPTIONS, env, cwd });
}

function whatIsMissing(error: unknown, program: string): string {
  if (error instanceof SpawnError) return `bubblewrap is not installed: ${error.message}`;
  const stderr = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : "";
  if (stderr === "") throw error;
  const hint = stderr.includes("--disable-userns")
    ? "version 0.8.0 or newer is needed"
    : "the kernel may forbid namespaces to this user";
  return `${program} is installed but does not work here: ${stderr} (${hint})`;
}
