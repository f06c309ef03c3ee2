import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { tempDir } from "@signalbox/testkit";
import type { TempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { AGENT_PACKAGES } from "./agent-packages.ts";
import type { InstallableProvider } from "./agent-packages.ts";
import { listInstalled, removeAgent, resolveAgent } from "./installed-agent.ts";
import { thisPlatform } from "./platform.ts";

describe("resolveAgent", () => {
  it("answers how the program itself is started", async () => {
    await using dir = await tempDir();
    const codex = await put(dir, "codex", "1.0.0");
    const gemini = await put(dir, "gemini_cli", "2.0.0");

    const [native, script] = await Promise.all([
      resolveAgent({ root: dir.path, provider: "codex", version: "1.0.0" }),
      resolveAgent({ root: dir.path, provider: "gemini_cli", version: "2.0.0" }),
    ]);

    expect(native.argv).toEqual([codex]);
    expect(script.argv).toEqual([process.execPath, gemini]);
  });

  it("finds nothing that is there only in part", async () => {
    await using dir = await tempDir();
    await put(dir, "codex", "1.0.0");
    await writeFile(dir.file("codex", "1.0.0", "installed.json"), '{"provi');

    const attempt = resolveAgent({ root: dir.path, provider: "codex", version: "1.0.0" });

    await expect(attempt).rejects.toMatchObject({ code: "NOT_INSTALLED" });
  });

  it("finds nothing in a folder that holds another version than its name says", async () => {
    await using dir = await tempDir();
    await put(dir, "codex", "1.0.0", { recorded: "1.0.1" });

    const attempt = resolveAgent({ root: dir.path, provider: "codex", version: "1.0.0" });

    await expect(attempt).rejects.toMatchObject({ code: "NOT_INSTALLED" });
  });

  it("says when there is no program for this machine", async () => {
    await using dir = await tempDir();
    const program = await put(dir, "codex", "1.0.0");
    const location = { root: dir.path, provider: "codex", version: "1.0.0" };
    const other = resolveAgent(location, { ...thisPlatform(), os: "freebsd" });
    await expect(other).rejects.toMatchObject({ code: "UNSUPPORTED_PLATFORM" });
    await chmod(program, 0o644);

    await expect(resolveAgent(location)).rejects.toMatchObject({ code: "BINARY_MISSING" });
  });
});

describe("listInstalled", () => {
  it("lists what can be started, oldest first", async () => {
    await using dir = await tempDir();
    for (const version of ["1.10.0", "1.9.0"]) await put(dir, "codex", version);
    await put(dir, "gemini_cli", "0.1.0");
    await mkdir(dir.file("codex", "1.11.0"));
    await mkdir(dir.file("codex", ".tmp-x"));

    const all = await listInstalled({ root: dir.path });
    const some = await listInstalled({ root: dir.path, provider: "gemini_cli" });

    expect(all.map(({ version }) => version)).toEqual(["1.9.0", "1.10.0", "0.1.0"]);
    expect(some.map(({ provider }) => provider)).toEqual(["gemini_cli"]);
  });

  it("is empty where nothing was ever installed", async () => {
    await using dir = await tempDir();

    expect(await listInstalled({ root: dir.file("nowhere") })).toEqual([]);
  });
});

describe("removeAgent", () => {
  it("removes one version and leaves the others", async () => {
    await using dir = await tempDir();
    for (const version of ["1.0.0", "1.1.0"]) await put(dir, "codex", version);

    const isRemoved = await removeAgent({ root: dir.path, provider: "codex", version: "1.0.0" });
    const again = await removeAgent({ root: dir.path, provider: "codex", version: "1.0.0" });

    expect([isRemoved, again]).toEqual([true, false]);
    expect((await listInstalled({ root: dir.path })).map(({ version }) => version)).toEqual(["1.1.0"]);
  });

  it("refuses what names no version", async () => {
    await using dir = await tempDir();

    const attempt = removeAgent({ root: dir.path, provider: "codex", version: ".." });

    await expect(attempt).rejects.toMatchObject({ code: "INVALID_VERSION" });
  });
});

/** An agent as an install leaves it; answers its program. */
async function put(
  dir: TempDir,
  provider: InstallableProvider,
  version: string,
  { recorded = version }: { readonly recorded?: string } = {},
): Promise<string> {
  const program = dir.file(provider, version, AGENT_PACKAGES[provider].program(thisPlatform())!.path);
  await mkdir(dirname(program), { recursive: true });
  await writeFile(program, "#!/bin/sh\n", { mode: 0o755 });
  const record = { provider, version: recorded, lockfileHash: "0".repeat(64) };
  await writeFile(dir.file(provider, version, "installed.json"), JSON.stringify(record));
  return program;
}
