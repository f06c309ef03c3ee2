import { spawn, type ChildProcess } from "node:child_process";
import { EventEmitter } from "node:events";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";

import { runCli } from "../../src/cli.ts";

/** How the command line ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where and with what a command line runs. */
export interface Surroundings {
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  readonly stdin?: string;
}

export const MAIN = join(import.meta.dirname, "../../src/main.ts");

/** An environment in which nothing of this machine shows through. */
export function cleanEnvironment(extra: Record<string, string> = {}): Record<string, string> {
  return { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent", ...extra };
}

/**
 * Runs the command line to its end, inside this process: all of it but `main.ts`, which a start of Node.js would cost
 * most of a second to show. What is about the process itself, signals and ends and terminals, takes `startSignalbox`.
 */
export async function signalbox(args: readonly string[], surroundings: Surroundings = {}): Promise<Ended> {
  const made = new MadeUpProcess(args, surroundings);
  // Of a process, the command line uses what is made up here.
  const code = await runCli(made as unknown as NodeJS.Process);
  return { code, stdout: made.stdout.text, stderr: made.stderr.text };
}

/** Starts the command line as a process of its own. */
export function startSignalbox(
  args: readonly string[],
  { env = {}, cwd, stdin = "" }: Surroundings = {},
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

/** What the command line has of a process, with pipes for its streams. */
class MadeUpProcess extends EventEmitter {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: Readable;
  readonly stdout = new Heard();
  readonly stderr = new Heard();
  readonly cwd: () => string;

  constructor(args: readonly string[], { env = {}, cwd = process.cwd(), stdin = "" }: Surroundings) {
    super();
    this.argv = [process.execPath, MAIN, ...args];
    this.env = cleanEnvironment(env);
    this.stdin = Readable.from(stdin === "" ? [] : [Buffer.from(stdin)]);
    this.cwd = () => cwd;
  }
}

class Heard extends Writable {
  readonly #pieces: Buffer[] = [];

  get text(): string {
    return Buffer.concat(this.#pieces).toString();
  }

  override _write(piece: Buffer, _encoding: string, done: () => void): void {
    this.#pieces.push(piece);
    done();
  }
}
