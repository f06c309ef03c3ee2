import { basename } from "node:path";

import type { Colors } from "../output.ts";

/** Where and as what this server runs, so that the lines work when they are typed. */
export interface Place {
  readonly url: string;
  /** Absent where the CLI would look there anyway. */
  readonly dataDir: string | undefined;
  /** The program that runs now, and what runs it. */
  readonly program: string;
  readonly node: string;
}

const DEFAULT_URL = "http://127.0.0.1:3000";

/** What to type after the first start, in another terminal. */
export function nextThings({ bold, cyan, dim }: Colors, place: Place): string[] {
  const things: readonly (readonly [line: string, meaning: string])[] = [
    ...settings(place),
    ["signalbox runs", "what ran, and how it ended"],
    ["signalbox logs <run>", "what its steps wrote"],
    ['signalbox run -c "git log --oneline" -r .', "run a command on the repository that you are in"],
    ["signalbox run plan.yaml", "run a plan; there are three in examples/"],
    ['signalbox session new -p claude_code -r . "…"', "let an agent work on it, and answer what it asks"],
    ["signalbox gates", "what waits for your decision"],
    [`curl ${place.url}/health`, "the HTTP API; its documents are at /api-docs"],
  ];
  const width = Math.min(46, Math.max(...things.map(([line]) => line.length)));
  return [
    "",
    bold("Next things to type, in another terminal:"),
    ...things.map(([line, meaning]) => `  ${cyan(line.padEnd(width))}  ${dim(meaning)}`),
    "",
    dim("Ctrl-C stops the server and its runner."),
  ];
}

/** What the other terminal must be told before `signalbox` means this program and finds this server. */
function settings({ url, dataDir, program, node }: Place): (readonly [string, string])[] {
  const isInstalled = basename(program) === "signalbox";
  return [
    ...(isInstalled ? [] : [[`alias signalbox="${node} ${program}"`, ""] as const]),
    ...(url === DEFAULT_URL ? [] : [[`export SIGNALBOX_URL=${url}`, ""] as const]),
    ...(dataDir === undefined ? [] : [[`export SIGNALBOX_DATA_DIR=${dataDir}`, ""] as const]),
  ];
}
