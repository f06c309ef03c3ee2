import { chmod, writeFile } from "node:fs/promises";
import { tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { detectSandbox } from "./detect-sandbox.ts";

describe("detectSandbox", () => {
  it("takes bubblewrap where it works, or says what is missing", async () => {
    await using dir = await tempDir();

    const { name, description } = await detectSandbox({ mode: "auto", supportDirectory: dir.path });

    const isReal = { network: "none", filesystem: "workspace" };
    const isNone = { network: "host", filesystem: "host", reason: expect.stringContaining("bubblewrap") };
    expect(description).toMatchObject(name === "bubblewrap" ? isReal : isNone);
  });

  it("takes none on the operator's word", async () => {
    const sandbox = await detectSandbox({ mode: "none", supportDirectory: "/nonexistent" });

    expect(sandbox.name).toBe("none");
    expect(sandbox.description.reason).toContain("operator");
  });

  it("refuses to go on when a sandbox is required and bubblewrap is not installed", async () => {
    await using dir = await tempDir();
    const settings = { supportDirectory: dir.path, program: "absent-bwrap" };

    await expect(detectSandbox({ ...settings, mode: "required" })).rejects.toMatchObject({
      code: "missing_dependency",
      message: expect.stringContaining("absent-bwrap: no such program"),
    });
    expect((await detectSandbox({ ...settings, mode: "auto" })).name).toBe("none");
  });

  it("is not satisfied by a bubblewrap that is installed but cannot make namespaces", async () => {
    await using dir = await tempDir();
    const program = dir.file("bwrap");
    await writeFile(
      program,
      `#!/bin/sh\n[ "$1" = --version ] && echo bubblewrap 9.9 && exit\necho "No permissions to create new namespace" >&2; exit 1\n`,
    );
    await chmod(program, 0o755);

    const detecting = detectSandbox({ mode: "required", supportDirectory: dir.file("support"), program });

    await expect(detecting).rejects.toThrow("No permissions to create new namespace");
  });
});
