import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { delimiter, dirname } from "node:path";
import { eventually, tempDir } from "@signalbox/testkit";
import type { TempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { fixtureRegistry } from "../../test/fixture-registry.ts";
import type { FixtureRegistry } from "../../test/fixture-registry.ts";
import { AGENT_PACKAGES } from "./agent-packages.ts";
import { installAgent } from "./install-agent.ts";
import type { InstallOptions, InstallStage } from "./install-agent.ts";
import { thisPlatform } from "./platform.ts";

/** Real npm, and a registry that has a Codex of a few lines. */
describe("installAgent", () => {
  it("installs versions beside each other, each of which starts as its own", async () => {
    await using dir = await tempDir();
    await using registry = await fixtureRegistry();
    publishCodex(registry, "1.0.0");
    publishCodex(registry, "1.1.0");

    const old = await installAgent(options(dir, registry, { version: "1.0.0" }));
    const young = await installAgent(options(dir, registry, { version: "1.1.0" }));

    expect(old.dir).toBe(dir.file("agents", "codex", "1.0.0"));
    expect(
      [old, young].map(({ argv: [program] }) => execFileSync(program, ["--version"], { encoding: "utf8" })),
    ).toEqual(["codex-cli 1.0.0\n", "codex-cli 1.1.0\n"]);
    expect(await readdir(dir.file("agents", "codex"))).toEqual(["1.0.0", "1.1.0"]);
  });

  it("tells what it does, and runs no script of a package", async () => {
    await using dir = await tempDir();
    await using registry = await fixtureRegistry();
    publishCodex(registry, "1.0.0");
    const stages: InstallStage[] = [];

    const { dir: place } = await installAgent(options(dir, registry, { onProgress: (stage) => stages.push(stage) }));

    expect(stages).toEqual(["locking", "fetching", "checking", "done"]);
    expect(existsSync(`${place}/node_modules/@openai/codex/script-ran`)).toBe(false);
  });

  it("fetches nothing for what is there", async () => {
    await using dir = await tempDir();
    const registry = await fixtureRegistry();
    publishCodex(registry, "1.0.0");
    const first = await installAgent(options(dir, registry));
    await registry[Symbol.asyncDispose]();

    const second = await installAgent(options(dir, registry));

    expect(second).toEqual(first);
  });

  it("fetches once when two install the same version at once", async () => {
    await using dir = await tempDir();
    await using registry = await fixtureRegistry();
    publishCodex(registry, "1.0.0");
    const stages: InstallStage[] = [];

    const both = await Promise.all(
      [0, 1].map(() => installAgent(options(dir, registry, { onProgress: (stage) => stages.push(stage) }))),
    );

    expect(both[0]).toEqual(both[1]);
    expect(stages.filter((stage) => stage === "fetching")).toHaveLength(1);
    expect(stages).toContain("waiting");
  });

  it("installs what the lockfile of an earlier install says, which names no registry", async () => {
    await using dir = await tempDir();
    await using registry = await fixtureRegistry();
    publishCodex(registry, "1.0.0");
    const first = await installAgent(options(dir, registry));
    const lockfile = await readFile(`${first.dir}/package-lock.json`, "utf8");

    const second = await installAgent(options(dir, registry, { root: dir.file("other"), lockfile }));

    expect(second.lockfileHash).toBe(first.lockfileHash);
    expect(lockfile).not.toContain("127.0.0.1");
  });

  it.each([
    { what: "the package", change: { description: "another" }, code: "INTEGRITY_MISMATCH", isRetryable: false },
    { what: "its program", change: { says: "codex-cli 1.0.0 " }, code: "PACKAGE_SKIPPED", isRetryable: true },
  ])("refuses $what when it is not what the lockfile says", async ({ change, code, isRetryable }) => {
    await using dir = await tempDir();
    await using registry = await fixtureRegistry();
    publishCodex(registry, "1.0.0");
    const { dir: place } = await installAgent(options(dir, registry));
    const lockfile = await readFile(`${place}/package-lock.json`, "utf8");
    publishCodex(registry, "1.0.0", change);

    const changes = { root: dir.file("other"), lockfile, npm: npm(registry, dir.file("empty")) };
    const attempt = installAgent(options(dir, registry, changes));

    await expect(attempt).rejects.toMatchObject({ code, isRetryable });
    expect(await readdir(dir.file("other", "codex"))).toEqual([]);
  });

  it("installs from the cache without a registry", async () => {
    await using dir = await tempDir();
    const registry = await fixtureRegistry();
    publishCodex(registry, "1.0.0");
    const { dir: place } = await installAgent(options(dir, registry));
    const lockfile = await readFile(`${place}/package-lock.json`, "utf8");
    await registry[Symbol.asyncDispose]();

    const locked = await installAgent(options(dir, registry, { root: dir.file("locked"), lockfile }));
    const offline = await installAgent(options(dir, registry, { root: dir.file("offline"), isOffline: true }));

    expect(locked.lockfileHash).toBe(offline.lockfileHash);
  });

  it.each([
    { when: "the registry has no such version", version: "9.9.9", code: "VERSION_NOT_FOUND", isRetryable: false },
    { when: "the program calls itself another", version: "1.0.1", code: "BINARY_FAILED", isRetryable: false },
    { when: "the program fails", version: "1.0.2", code: "BINARY_FAILED", isRetryable: false },
    { when: "the program cannot be started", version: "1.0.3", code: "BINARY_FAILED", isRetryable: false },
    { when: "there is no program for this machine", version: "1.0.4", code: "BINARY_MISSING", isRetryable: false },
  ])("leaves nothing when $when", async ({ version, code, isRetryable }) => {
    await using dir = await tempDir();
    await using registry = await fixtureRegistry();
    publishCodex(registry, "1.0.1", { says: "codex-cli 1.0.2" });
    publishCodex(registry, "1.0.2", { exits: 3 });
    publishCodex(registry, "1.0.3", { shebang: "#!/nowhere/at/all" });
    publishCodex(registry, "1.0.4", { platform: "plan9-pdp11" });

    await expect(installAgent(options(dir, registry, { version }))).rejects.toMatchObject({ code, isRetryable });

    expect(await readdir(dir.file("agents", "codex"))).toEqual([]);
  });

  it("says that a registry cannot be reached, and what is not in the cache", async () => {
    await using dir = await tempDir();
    const registry = await fixtureRegistry();
    await registry[Symbol.asyncDispose]();

    const online = installAgent(options(dir, registry));
    await expect(online).rejects.toMatchObject({ code: "REGISTRY_UNREACHABLE", isRetryable: true });
    const offline = installAgent(options(dir, registry, { isOffline: true }));

    await expect(offline).rejects.toMatchObject({ code: "NOT_CACHED" });
  });

  it("says that there is no npm", async () => {
    await using dir = await tempDir();
    await using registry = await fixtureRegistry();

    const attempt = installAgent(options(dir, registry, { npm: { command: ["/nowhere/npm"], env: {} } }));

    await expect(attempt).rejects.toMatchObject({ code: "NPM_NOT_FOUND" });
  });

  it("ends npm and leaves nothing when it is aborted", async () => {
    await using dir = await tempDir();
    await using registry = await fixtureRegistry();
    publishCodex(registry, "1.0.0");
    registry.stall();
    const aborting = new AbortController();
    const attempt = installAgent(options(dir, registry, { signal: aborting.signal }));
    attempt.catch(() => undefined);
    await eventually(() => registry.asked.some((path) => path.endsWith(".tgz")));

    aborting.abort(new Error("no longer wanted"));

    await expect(attempt).rejects.toThrow("no longer wanted");
    expect(await readdir(dir.file("agents", "codex"))).toEqual([]);
  });

  it("puts nothing in its place that the caller's check refuses", async () => {
    await using dir = await tempDir();
    await using registry = await fixtureRegistry();
    publishCodex(registry, "1.0.0");
    const checked: string[] = [];

    const attempt = installAgent(
      options(dir, registry, {
        check: async ({ argv: [program] }) => {
          checked.push(execFileSync(program, ["--version"], { encoding: "utf8" }));
          throw new Error("it says the wrong thing");
        },
      }),
    );

    await expect(attempt).rejects.toThrow("it says the wrong thing");
    expect(checked).toEqual(["codex-cli 1.0.0\n"]);
    expect(await readdir(dir.file("agents", "codex"))).toEqual([]);
  });

  it("mends what a killed install left", async () => {
    await using dir = await tempDir();
    await using registry = await fixtureRegistry();
    publishCodex(registry, "1.0.0");
    const longAgo = new Date(Date.now() - 3_600_000);
    for (const left of ["1.0.0", ".tmp-somebody"]) {
      await mkdir(dir.file("agents", "codex", left, "node_modules"), { recursive: true });
      await utimes(dir.file("agents", "codex", left), longAgo, longAgo);
    }
    await writeFile(dir.file("agents", "codex", ".lock-1.0.0"), "somebody");
    await utimes(dir.file("agents", "codex", ".lock-1.0.0"), longAgo, longAgo);

    const agent = await installAgent(options(dir, registry));

    expect(execFileSync(agent.argv[0], ["--version"], { encoding: "utf8" })).toBe("codex-cli 1.0.0\n");
    expect(await readdir(dir.file("agents", "codex"))).toEqual(["1.0.0"]);
  });

  it.each([
    { provider: "omnara", version: "1.0.0", code: "UNKNOWN_PROVIDER" },
    { provider: "__proto__", version: "1.0.0", code: "UNKNOWN_PROVIDER" },
    { provider: "codex", version: "latest", code: "INVALID_VERSION" },
    { provider: "codex", version: "^1.0.0", code: "INVALID_VERSION" },
    { provider: "codex", version: "1.0.0/../../x", code: "INVALID_VERSION" },
    { provider: "codex", version: "file:/etc", code: "INVALID_VERSION" },
    { provider: "codex", version: `1.0.0-${"a".repeat(80)}`, code: "INVALID_VERSION" },
    { provider: "codex", version: "1.0.0", root: "relative", code: "INVALID_ROOT" },
  ])("refuses $provider $version before it does anything: $code", async ({ code, ...location }) => {
    await using dir = await tempDir();
    await using registry = await fixtureRegistry();

    await expect(installAgent(options(dir, registry, location))).rejects.toMatchObject({ code });

    expect(await readdir(dir.path)).toEqual([]);
    expect(registry.asked).toEqual([]);
  });
});

function options(dir: TempDir, registry: FixtureRegistry, changes: Partial<InstallOptions> = {}): InstallOptions {
  return {
    provider: "codex",
    version: "1.0.0",
    root: dir.file("agents"),
    npm: npm(registry, dir.file("home")),
    ...changes,
  };
}

/** The npm on PATH, with a home and a cache of its own. */
function npm(registry: FixtureRegistry, home: string): InstallOptions["npm"] {
  const PATH = [dirname(process.execPath), process.env["PATH"]].join(delimiter);
  const env = { PATH, HOME: home, npm_config_cache: `${home}/cache`, npm_config_registry: registry.url };
  return {
    command: ["npm"],
    env: { ...env, npm_config_userconfig: `${home}/npmrc`, npm_config_globalconfig: `${home}/none` },
  };
}

interface Codex {
  readonly says?: string;
  readonly exits?: number;
  readonly description?: string;
  readonly shebang?: string;
  /** Which machine it is for. Default: this one. */
  readonly platform?: string;
}

/** As the real one is published: a main package, and one for each machine under its own version and another name. */
function publishCodex(registry: FixtureRegistry, version: string, codex: Codex = {}): void {
  const { description = "", says = `codex-cli ${version}`, exits = 0, shebang = "#!/bin/sh" } = codex;
  const here = thisPlatform();
  const [os = "", cpu = ""] = (codex.platform ?? `${here.os}-${here.arch}`).split("-");
  registry.publish({
    name: "@openai/codex",
    version,
    manifest: {
      description,
      scripts: { postinstall: "touch script-ran" },
      optionalDependencies: { [`@openai/codex-${os}-${cpu}`]: `npm:@openai/codex@${version}-${os}-${cpu}` },
    },
  });
  const path = AGENT_PACKAGES.codex.program(here)!.path.split("/").slice(3).join("/");
  const text = `${shebang}\necho '${says}'\nexit ${exits}\n`;
  registry.publish({
    name: "@openai/codex",
    version: `${version}-${os}-${cpu}`,
    manifest: { os: [os], cpu: [cpu] },
    files: [{ path, text, mode: 0o755 }],
  });
}
