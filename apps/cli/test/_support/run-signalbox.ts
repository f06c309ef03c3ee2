import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";

/** How the command line ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export const MAIN = join(import.meta.dirname, "../../src/main.ts");

/** An environment in which nothing of this machine shows through. */
export function cleanEnvironment(extra: Record<string, string> = {}): Record<string, string> {
  return { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent", ...extra };
}

/** Runs the command line as a process of its own, to its end. */
export async function signalbox(
  args: readonly string[],
  options: { env?: Record<string, string>; cwd?: string; stdin?: string } = {},
): Promise<Ended> {
  return await startSignalbox(args, options).ended;
}

/** Starts the command line as a process of its own. */
export function startSignalbox(
  args: readonly string[],
  { env = {}, cwd, stdin = "" }: { env?: Record<string, string>; cwd?: string; stdin?: string } = {},
): { child: ChildProcess; ended: Promise<Ended>; printed: () => string } {
  const child = spawn(process.execPath, [MAIN, ...args], { env: cleanEnvironment(env), cwd, stdio: "pipe" });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (data: Buffer) => (stdout += data.toString()));
  child.stderr.on("data", (data: Buffer) => (stderr += data.toString()));
  child.stdin.end(stdin);
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
  return { child, ended, printed: () => stdout + stderr };
}
