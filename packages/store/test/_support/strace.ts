import { spawn, spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { tempDir } from "@signalbox/testkit";

/** What a traced process said, how it ended, and the system calls that were traced. */
export interface Traced {
  readonly lines: string[];
  /** `null` when a signal ended it. */
  readonly exitCode: number | null;
  readonly calls: string[];
}

/** Whether the tool is there and may trace. */
export function canTrace(): boolean {
  return spawnSync("strace", ["-f", "-e", "trace=none", "true"]).status === 0;
}

/** Runs a program under strace, which may inject faults: `options` are its own. */
export async function runTraced(program: URL, args: readonly string[], options: readonly string[]): Promise<Traced> {
  await using dir = await tempDir();
  const report = dir.file("calls");
  const command = ["-f", "-qq", "-o", report, ...options, process.execPath, fileURLToPath(program), ...args];
  const child = spawn("strace", command, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [said, exitCode] = await Promise.all([text(child.stdout), ended]);
  const calls = (await readFile(report, "utf8")).split("\n").filter((line) => /^\d+ +\w+\(/.test(line));
  return { lines: said.split("\n").filter(Boolean), exitCode, calls };
}
