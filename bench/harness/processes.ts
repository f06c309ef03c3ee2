import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const running = new Set<ChildProcess>();

// Whatever way the bench ends, nothing that it started stays.
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** A process that ends when it is disposed of: asked first, then made to. */
export interface OwnedProcess extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Resolves when it has ended, in whatever way. */
  readonly ended: Promise<void>;
}

/** Starts a program; its standard error is ours, the rest nobody's, unless the options say otherwise. */
export function startProcess(program: string, args: readonly string[], options: SpawnOptions = {}): OwnedProcess {
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "inherit"], ...options });
  running.add(child);
  const ended = new Promise<void>((resolve) => {
    child.once("close", () => resolve());
    child.once("error", () => resolve());
  }).finally(() => running.delete(child));
  return {
    child,
    pid: child.pid ?? 0,
    ended,
    async [Symbol.asyncDispose]() {
      if (!running.has(child)) return;
      child.kill("SIGTERM");
      await Promise.race([ended, sleep(8_000, undefined, { ref: false })]);
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** How a script of the bench is run. */
export interface ScriptOptions {
  readonly timeoutMs?: number;
  readonly nodeArgs?: readonly string[];
}

/** Runs a script of the bench under this Node with a task, and resolves to what it reports. */
export async function runScript<Result>(script: URL, task: object, options: ScriptOptions = {}): Promise<Result> {
  const { timeoutMs = 60_000, nodeArgs = [] } = options;
  const args = [...nodeArgs, fileURLToPath(script), JSON.stringify(task)];
  await using owned = startProcess(process.execPath, args, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const timeout = new AbortController();
  const reported = new Promise<Result>((resolve) =>
    owned.child.once("message", (message) => resolve(message as Result)),
  );
  const result = await Promise.race([
    reported,
    owned.ended.then(() => reject(`${script.pathname} ended without a report`)),
    sleep(timeoutMs, undefined, { signal: timeout.signal }).then(() => reject(`${script.pathname} took too long`)),
  ]).finally(() => timeout.abort());
  // A profile is written while the process ends by itself.
  await Promise.race([owned.ended, sleep(nodeArgs.length > 0 ? 15_000 : 2_000, undefined, { ref: false })]);
  return result;
}

function reject(reason: string): never {
  throw new Error(reason);
}

/** In a script: what it was given to do. */
export function readTask<Task>(): Task {
  return JSON.parse(process.argv[2] ?? "{}") as Task;
}

/** In a script: reports, and ends. */
export function report(result: object): void {
  process.send?.(result, () => process.exit(0));
}

/** The arguments with which Node writes a profile of each of its threads. */
export function profiling(directory: string | undefined, name: string): string[] {
  return directory === undefined ? [] : ["--cpu-prof", "--cpu-prof-dir", join(directory, name)];
}

/** Where a program is in these folders, by default those of the PATH; undefined when it is not. */
export async function findProgram(
  name: string,
  folders: readonly string[] = (process.env["PATH"] ?? "").split(delimiter),
): Promise<string | undefined> {
  for (const folder of folders) {
    const isThere = await access(join(folder, name), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return join(folder, name);
  }
  return undefined;
}
