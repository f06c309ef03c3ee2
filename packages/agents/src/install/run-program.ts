import { spawn } from "node:child_process";
import { INSTALL_LIMITS } from "./install-limits.ts";

export interface ProgramCall {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** All of the environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface ProgramEnd {
  /** Undefined when a signal ended it. */
  readonly code: number | undefined;
  /** Whether it was ended because it took too long. */
  readonly isLate: boolean;
  /** The end of what it printed. */
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program to its end, without input, in a process group of its own. An abort ends the group and then rejects with
 * the signal's reason. Rejects when the program cannot be started.
 */
export async function runProgram({ program, args, cwd, env, timeoutMs, signal }: ProgramCall): Promise<ProgramEnd> {
  signal?.throwIfAborted();
  const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  const stdout = tailOf(child.stdout);
  const stderr = tailOf(child.stderr);

  let isLate = false;
  let killing: NodeJS.Timeout | undefined;
  const stop = (): void => {
    killGroup(child.pid, "SIGTERM");
    killing ??= setTimeout(() => {
      killGroup(child.pid, "SIGKILL");
      // What left the group may hold the pipes open.
      child.stdout.destroy();
      child.stderr.destroy();
    }, INSTALL_LIMITS["kill.graceMs"].value);
  };
  const timer = setTimeout(() => {
    isLate = true;
    stop();
  }, timeoutMs);
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const code = await new Promise<number | undefined>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (exitCode) => resolve(exitCode ?? undefined));
    });
    signal?.throwIfAborted();
    return { code, isLate, stdout: stdout(), stderr: stderr() };
  } finally {
    clearTimeout(timer);
    clearTimeout(killing);
    signal?.removeEventListener("abort", stop);
  }
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    // A negative number means the group; Windows has none.
    process.kill(process.platform === "win32" ? pid : -pid, signal);
  } catch {
    // It has ended.
  }
}

/** Keeps the end of a stream's text. */
function tailOf(stream: NodeJS.ReadableStream): () => string {
  const limit = INSTALL_LIMITS["output.bytes"].value;
  let chunks: Buffer[] = [];
  let bytes = 0;
  stream.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes <= 2 * limit) return;
    const tail = Buffer.concat(chunks).subarray(-limit);
    chunks = [tail];
    bytes = tail.length;
  });
  return () => Buffer.concat(chunks).subarray(-limit).toString("utf8");
}
