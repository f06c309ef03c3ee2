import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

import { eventually } from "@signalbox/testkit";

const MAIN = join(dirname(createRequire(import.meta.url).resolve("@signalbox/cli/package.json")), "src/main.ts");

/** Runs `signalbox` at a terminal of its own: types `answer` when `question` stands there, and answers how it ended. */
export async function atTerminal(
  args: readonly string[],
  {
    env,
    question,
    answer,
  }: { readonly env: Readonly<Record<string, string>>; readonly question?: string; readonly answer?: string },
): Promise<{ readonly code: number | null; readonly text: string }> {
  const line = [process.execPath, MAIN, ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  const child = spawn("script", ["--quiet", "--return", "--flush", "--command", line, "/dev/null"], {
    env: { PATH: process.env["PATH"] ?? "", TERM: "xterm-256color", SHELL: "/bin/sh", ...env },
    stdio: ["pipe", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (piece: string) => (text += piece));
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  try {
    if (question !== undefined) {
      await eventually(() => text.includes(question), { timeoutMs: 60_000 });
      child.stdin.write(`${answer ?? ""}\n`);
    }
    return { code: await ended, text };
  } finally {
    child.kill("SIGKILL");
  }
}
