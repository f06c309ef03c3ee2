import { spawn } from "node:child_process";
import { open } from "node:fs/promises";
import type { Writable } from "node:stream";

import { StepError } from "../supervisor/step-error.ts";

const OUTPUT_BYTES = 16_777_216;

export interface GitCall {
  readonly args: readonly string[];
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  /** What it reads as its input; nothing without it. A pack may be larger than what should go through this process. */
  readonly inputFile: string | undefined;
  /** What it finds on file descriptor 3. */
  readonly secret: string | undefined;
  readonly signal: AbortSignal;
}

/** How it ended; what it printed is cut after 16 MiB. */
export interface GitEnd {
  readonly isDone: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs git outside every sandbox. Rejects when it was aborted or is not there. */
export async function runGit({ args, directory, environment, inputFile, secret, signal }: GitCall): Promise<GitEnd> {
  const input = inputFile === undefined ? undefined : await open(inputFile);
  try {
    const child = spawn("git", args, {
      cwd: directory,
      env: { ...environment },
      signal,
      stdio: [input?.fd ?? "ignore", "pipe", "pipe", secret === undefined ? "ignore" : "pipe"],
    });
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once("error", (error) => reject(isMissing(error) ? noGit(error) : error));
      child.once("close", resolve);
    });
    const printed = Promise.all([text(child.stdout), text(child.stderr)]);
    give(child.stdio[3] as Writable | null, secret);
    const [code, [stdout, stderr]] = await Promise.all([ended, printed]);
    return { isDone: code === 0, stdout, stderr };
  } finally {
    await input?.close();
  }
}

function isMissing(error: Error): boolean {
  return "code" in error && error.code === "ENOENT";
}

function noGit(cause: Error): StepError {
  return new StepError("missing_dependency", "git is not installed on this machine", cause);
}

/** Whoever does not want it need not read it. */
function give(pipe: Writable | null, secret: string | undefined): void {
  if (secret === undefined) return;
  pipe?.on("error", () => undefined);
  pipe?.end(secret);
}

/** Reads to the end, also what is not kept: a full pipe would hold git up. */
async function text(stream: AsyncIterable<Buffer> | null): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream ?? []) {
    if (bytes < OUTPUT_BYTES) chunks.push(chunk);
    bytes += chunk.length;
  }
  return Buffer.concat(chunks).toString();
}
