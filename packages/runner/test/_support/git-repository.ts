import type { TempDir } from "@signalbox/testkit";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A repository with one commit that holds these files; answers where it is and what the commit is called. */
export function makeRepository(
  dir: TempDir,
  files: Record<string, string>,
  name = "repository",
): { url: string; path: string; commit: string } {
  const path = dir.file(name);
  mkdirSync(path, { recursive: true });
  const git = (...args: string[]): string =>
    execFileSync(
      "git",
      ["-C", path, "-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main", ...args],
      { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
    );
  git("init", "--quiet");
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, file)), { recursive: true });
    writeFileSync(join(path, file), text);
  }
  git("add", "--all");
  git("commit", "--quiet", "--message", "first");
  return { url: `file://${path}`, path, commit: git("rev-parse", "HEAD").trim() };
}
