import { tempDir } from "@signalbox/testkit";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";

import { hasLogin, isLinkFree, loginEnvironment, loginSecrets, removeLogin } from "./index.ts";

const SHELL = {
  PATH: "/bin",
  TERM: "xterm",
  HOME: "/home/me",
  SIGNALBOX_TOKEN: "t",
  OPENAI_API_KEY: "sk",
  DISPLAY: "",
};

describe("loginEnvironment", () => {
  it("has the agent's home, and of the shell what a program at a terminal needs", () => {
    const env = loginEnvironment("codex", { home: "/homes/codex", tmpDir: "/tmp/x" }, SHELL);

    expect(env).toEqual({
      PATH: "/bin",
      TERM: "xterm",
      HOME: "/homes/codex",
      CODEX_HOME: "/homes/codex/.codex",
      TMPDIR: "/tmp/x",
    });
  });
});

describe("a login in a home", () => {
  it("is there with its file, gives its secrets away to who hides them, and is gone when it is removed", async () => {
    await using dir = await tempDir();
    await mkdir(dir.file(".codex"));
    const tokens = { access_token: "eyJhbGciOi.access.token", id: "user-0123456789abcdef", list: ["refresh"] };
    await writeFile(dir.file(".codex/auth.json"), JSON.stringify({ OPENAI_API_KEY: null, tokens }));

    const before = [await hasLogin(dir.path, "codex"), await loginSecrets(dir.path, "codex")];
    const removed = await removeLogin(dir.path, "codex");

    expect(before).toEqual([true, ["eyJhbGciOi.access.token"]]);
    expect(removed).toBe(true);
    expect(await hasLogin(dir.path, "codex")).toBe(false);
    expect(await removeLogin(dir.path, "codex")).toBe(false);
  });

  it.each([
    ["no JSON", "hello"],
    ["nothing", ""],
    ["a short word", '{"token_type":"Bearer"}'],
  ])("has no secrets in a file that holds %s", async (_, text) => {
    await using dir = await tempDir();
    await mkdir(dir.file(".gemini"));
    await writeFile(dir.file(".gemini/oauth_creds.json"), text);

    expect(await loginSecrets(dir.path, "gemini_cli")).toEqual([]);
  });

  it("is neither seen nor read through a link", async () => {
    await using dir = await tempDir();
    await mkdir(dir.file(".claude"));
    await writeFile(dir.file("other.json"), '{"accessToken":"sk-ant-0123456789abcdef"}');
    await symlink(dir.file("other.json"), dir.file(".claude/.credentials.json"));

    expect(await hasLogin(dir.path, "claude_code")).toBe(false);
    expect(await loginSecrets(dir.path, "claude_code")).toEqual([]);
    expect(await isLinkFree(dir.path, "claude_code")).toBe(false);
    expect(await isLinkFree(dir.path, "codex")).toBe(true);
  });
});
