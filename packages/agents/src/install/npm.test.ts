import { chmod, readFile, writeFile } from "node:fs/promises";
import { tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { npmEnvironment, runNpm } from "./npm.ts";

describe("npmEnvironment", () => {
  it("keeps what npm needs and leaves the rest of the machine out", () => {
    const picked = npmEnvironment({
      PATH: "/bin",
      HOME: "/home/somebody",
      HTTPS_PROXY: "http://proxy.example",
      XDG_CACHE_HOME: "/caches",
      npm_config_registry: "http://registry.example",
      NPM_CONFIG_CACHE: "/cache",
      SECRET_TOKEN: "x",
      ANTHROPIC_API_KEY: "x",
      NODE_OPTIONS: "--require ./x.js",
      UNSET: undefined,
    });

    expect(Object.keys(picked).sort()).toEqual([
      "HOME",
      "HTTPS_PROXY",
      "NPM_CONFIG_CACHE",
      "PATH",
      "XDG_CACHE_HOME",
      "npm_config_registry",
    ]);
  });

  it.each([
    "npm_config_prefix",
    "npm_config_global",
    "npm_config_omit",
    "npm_config_dry_run",
    "npm_config_ignore_scripts",
  ])("leaves %s out: it would make npm install something else or elsewhere", (name) => {
    expect(npmEnvironment({ [name]: "x" })).toEqual({});
  });
});

describe("runNpm", () => {
  it.each([
    {
      said: `echo '{"error":{"code":"E404","summary":"no such thing"}}'`,
      code: "VERSION_NOT_FOUND",
      words: "no such thing",
    },
    {
      said: `echo 'npm error code ENOSPC' >&2; echo 'npm error nospc full' >&2`,
      code: "DISK_FULL",
      words: "nospc full",
    },
    { said: `echo 'npm ERR! code EAI_AGAIN' >&2`, code: "REGISTRY_UNREACHABLE", words: "exit code 1" },
    { said: `echo '{"error":{"code":"EWHATEVER","summary":"news"}}'`, code: "NPM_FAILED", words: "news" },
    { said: `kill -9 $$`, code: "NPM_FAILED", words: "a signal ended it" },
  ])("reads what npm says: $said", async ({ said, code, words }) => {
    await using dir = await tempDir();
    await writeFile(dir.file("npm"), `#!/bin/sh\n${said}\nexit 1\n`);
    await chmod(dir.file("npm"), 0o755);

    const call = {
      npm: { command: [dir.file("npm")], env: {} },
      args: ["ci"],
      cwd: dir.path,
      isOffline: false,
    } as const;

    await expect(runNpm(call)).rejects.toMatchObject({ code, message: `npm ci failed: ${words}` });
  });

  it("says what npm is to do without", async () => {
    await using dir = await tempDir();
    await writeFile(dir.file("npm"), `#!/bin/sh\necho "$@" > said\n`);
    await chmod(dir.file("npm"), 0o755);

    await runNpm({ npm: { command: [dir.file("npm"), "--x"], env: {} }, args: ["ci"], cwd: dir.path, isOffline: true });

    const said = await readFile(dir.file("said"), "utf8");
    expect(said).toMatch(/^--x ci /);
    for (const flag of ["--ignore-scripts", "--no-audit", "--offline"]) expect(said).toContain(` ${flag}`);
  });
});
