import { execFileSync } from "node:child_process";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";

import type { BenchOptions } from "./bench-options.ts";

/** Where, when and with what the figures were made, in a line. */
export function describeMachine({ isQuick, rounds }: BenchOptions): string {
  const parts = [
    new Date().toISOString().slice(0, 16).replace("T", " ") + " UTC",
    `commit ${commit()}`,
    `Node ${process.versions.node}`,
    `Linux ${release()}`,
    `${availableParallelism()} cores of ${cpus()[0]?.model.trim() ?? "unknown"}`,
    `${Math.round(totalmem() / 2 ** 30)} GiB`,
    // Other work on the same cores shows here; this is how much there was before the first measurement.
    `load ${loadavg()[0]?.toFixed(1)} at the start`,
    `${isQuick ? "quick, " : ""}${rounds} rounds`,
  ];
  return parts.join(" · ");
}

function commit(): string {
  try {
    const here = import.meta.dirname;
    const hash = execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: here, encoding: "utf8" }).trim();
    // What is measured is the code, so changed notes beside it do not count.
    const changed = execFileSync("git", ["status", "--porcelain", "--", "../packages", "../apps"], {
      cwd: here,
      encoding: "utf8",
    });
    const isChanged = changed
      .split("\n")
      .some((line) => line.endsWith(".ts") && !line.includes("test") && !line.startsWith("??"));
    return isChanged ? `${hash} with changes` : hash;
  } catch {
    return "unknown";
  }
}
