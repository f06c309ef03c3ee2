import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";

import { tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import type { InstalledAgent } from "../src/install/index.ts";
import {
  AGENT_LOGINS,
  hasLogin,
  installedAgents,
  loginEnvironment,
  loginSecrets,
  removeLogin,
} from "../src/install/index.ts";

const KEY = "sk-test-fake-0123456789abcdef";
const { codex, claude_code: claude } = await installedAgents(process.env);

/** Runs the agent's own program as somebody who logs in would, and answers how it ended. */
async function run(
  { provider, argv: [program, ...before] }: InstalledAgent,
  args: readonly string[],
  { home, tmpDir, words = "" }: { readonly home: string; readonly tmpDir: string; readonly words?: string },
): Promise<number | null> {
  const env = loginEnvironment(provider, { home, tmpDir }, { PATH: process.env["PATH"] });
  const child = spawn(program, [...before, ...args], { cwd: home, env, stdio: ["pipe", "ignore", "ignore"] });
  child.stdin.end(words);
  return new Promise((resolve, reject) => child.once("error", reject).once("exit", resolve));
}

describe("the logins of the real agents", () => {
  it.skipIf(!codex)("stand where they are looked for, and end with the agent's own word: codex", async () => {
    if (!codex) throw new Error("left out");
    await using dir = await tempDir();
    const folders = { home: dir.file("home"), tmpDir: dir.file("tmp") };
    await mkdir(dir.file("home/.codex"), { recursive: true });
    await mkdir(folders.tmpDir);
    const { login, logout = [] } = AGENT_LOGINS.codex;

    // The one login of its that needs no browser and no network.
    const loggedIn = await run(codex, [...login, "--with-api-key"], { ...folders, words: `${KEY}\n` });
    const during = [await hasLogin(folders.home, "codex"), await loginSecrets(folders.home, "codex")];
    const status = await run(codex, [...login, "status"], folders);
    const loggedOut = await run(codex, logout, folders);

    expect([loggedIn, status, loggedOut]).toEqual([0, 0, 0]);
    expect(during).toEqual([true, [KEY]]);
    expect(await hasLogin(folders.home, "codex")).toBe(false);
    expect(await removeLogin(folders.home, "codex")).toBe(false);
  });

  it.skipIf(!claude)("are begun and ended by the agent's own words: claude_code", async () => {
    if (!claude) throw new Error("left out");
    await using dir = await tempDir();
    const folders = { home: dir.file("home"), tmpDir: dir.file("tmp") };
    for (const folder of Object.values(folders)) await mkdir(folder);
    const { login, logout = [] } = AGENT_LOGINS.claude_code;

    const known = await run(claude, [...login, "--help"], folders);
    const loggedOut = await run(claude, logout, folders);

    expect([known, loggedOut]).toEqual([0, 0]);
    expect(await hasLogin(folders.home, "claude_code")).toBe(false);
  });
});
