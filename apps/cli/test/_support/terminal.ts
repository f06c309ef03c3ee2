import { execFileSync, spawn, spawnSync } from "node:child_process";

import { tempDir } from "@signalbox/testkit";
import { readFile } from "node:fs/promises";

import { cleanEnvironment, MAIN } from "./run-signalbox.ts";
import { Screen } from "./screen.ts";

/** Whether this machine has util-linux's `script`, which gives a program a terminal. */
export const hasScript = process.platform === "linux" && spawnSync("script", ["--version"]).status === 0;

/** The command line on a terminal of its own. */
export interface Terminal extends AsyncDisposable {
  readonly screen: Screen;
  /** What can be read on the screen and above it. */
  readonly text: () => string;
  readonly type: (keys: string) => void;
  /** Changes the size of the terminal, as somebody who drags the corner of its window. */
  readonly resize: (columns: number, rows: number) => Promise<void>;
  /** The exit code. */
  readonly ended: Promise<number | null>;
}

export async function openTerminal(
  args: readonly string[],
  { columns = 80, rows = 24, env = {} as Record<string, string> } = {},
): Promise<Terminal> {
  const folder = await tempDir();
  const ttyFile = folder.file("tty");
  const line = `tty > ${ttyFile}; stty cols ${columns} rows ${rows}; exec ${[process.execPath, MAIN, ...args].map(quote).join(" ")}`;
  const child = spawn("script", ["--quiet", "--return", "--flush", "--command", line, "/dev/null"], {
    env: cleanEnvironment({ TERM: "xterm-256color", SHELL: "/bin/sh", ...env }),
  });
  const screen = new Screen(columns, rows);
  child.stdout.setEncoding("utf8").on("data", (text: string) => screen.write(text));
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  return {
    screen,
    ended,
    text: () => screen.text(),
    type: (keys) => void child.stdin.write(keys),
    async resize(newColumns, newRows) {
      const tty = (await readFile(ttyFile, "utf8")).trim();
      execFileSync("stty", ["-F", tty, "cols", String(newColumns), "rows", String(newRows)]);
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
      await folder[Symbol.asyncDispose]();
    },
  };
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
