import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { tempDir } from "@signalbox/testkit";
import type { TempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { safeGitEnvironment } from "./safe-git-environment.ts";

const run = promisify(execFile);

/**
 * Each makes plain git run `$CANARY_SCRIPT`, which touches the canary; the tests show both. Seen red one by one without
 * `core.fsmonitor`, `core.hooksPath`, `commit.gpgSign`, GIT_SSH_COMMAND and GIT_ALLOW_PROTOCOL; the rest is a second line.
 */
const ATTACKS = {
  "a file monitor in the repository's configuration": [
    "git -C repo config core.fsmonitor $CANARY_SCRIPT",
    "git -C repo status",
  ],
  "a hook": ["cp $CANARY_SCRIPT repo/.git/hooks/pre-commit", "git -C repo commit --allow-empty -m x"],
  "a folder of hooks": [
    "mkdir h && cp $CANARY_SCRIPT h/pre-commit && git -C repo config core.hooksPath $PWD/h",
    "git -C repo commit --allow-empty -m x",
  ],
  "a signing program": [
    "git -C repo config gpg.program $CANARY_SCRIPT && git -C repo config commit.gpgSign true",
    "git -C repo commit --allow-empty -m x",
  ],
  "a URL that names a program": [
    "git -C repo config protocol.ext.allow always",
    `git -C repo fetch "ext::$CANARY_SCRIPT"`,
  ],
  "a bare repository inside the workspace": [
    "git init -q --bare repo/nested && git -C repo/nested config core.bare false && git -C repo/nested config core.worktree . && git -C repo/nested config core.fsmonitor $CANARY_SCRIPT",
    "git -C repo/nested status",
  ],
  "a program for ssh": ["git -C repo config core.sshCommand $CANARY_SCRIPT", "git -C repo fetch ssh://localhost:1/x"],
} as const;

describe("safeGitEnvironment", () => {
  it.each(Object.entries(ATTACKS))("keeps git from running %s", async (_, [prepare, command]) => {
    await using plain = await repository();
    await using safe = await repository();

    await shell(plain, `${prepare}; ${command}`);
    await shell(safe, prepare);
    await shell(safe, command, safeGitEnvironment());

    expect({ plain: existsSync(plain.file("canary")), safe: existsSync(safe.file("canary")) }).toEqual({
      plain: true,
      safe: false,
    });
  });

  it("refuses protocols that are not listed", async () => {
    await using dir = await repository();

    const { stderr } = await shell(dir, `git clone "file://$PWD/repo" copy`, safeGitEnvironment());

    expect(stderr).toContain("transport 'file' not allowed");
  });
});

async function repository(): Promise<TempDir> {
  const dir = await tempDir();
  await writeFile(dir.file("script"), `#!/bin/sh\ntouch ${dir.file("canary")}\n`);
  await chmod(dir.file("script"), 0o755);
  await shell(dir, "git init -q repo");
  return dir;
}

async function shell(dir: TempDir, script: string, env: Record<string, string> = {}): Promise<{ stderr: string }> {
  const author = { GIT_AUTHOR_NAME: "a", GIT_AUTHOR_EMAIL: "a@b", GIT_COMMITTER_NAME: "a", GIT_COMMITTER_EMAIL: "a@b" };
  const all = { PATH: "/usr/bin:/bin", HOME: dir.path, CANARY_SCRIPT: dir.file("script"), ...author, ...env };
  return run("sh", ["-c", script], { cwd: dir.path, env: all }).catch((error: { stderr: string }) => ({
    stderr: error.stderr,
  }));
}
