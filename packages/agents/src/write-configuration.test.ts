import { mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { writeConfiguration } from "./write-configuration.ts";

describe("writeConfiguration", () => {
  it("writes files that only their owner reads, over those that are there, and leaves nothing beside them", async () => {
    await using dir = await tempDir();
    const file = { path: dir.file(".agent", "deep", "config"), text: "new" };
    await writeConfiguration([dir.path], [{ ...file, text: "old" }]);

    await writeConfiguration([dir.path], [file]);

    expect(await readFile(file.path, "utf8")).toBe("new");
    expect((await stat(file.path)).mode & 0o777).toBe(0o600);
    expect((await stat(dir.file(".agent"))).mode & 0o777).toBe(0o700);
    expect(await readdir(dir.file(".agent", "deep"))).toEqual(["config"]);
  });

  it("replaces a file that is a link, and does not follow it", async () => {
    await using dir = await tempDir();
    await mkdir(dir.file("home"));
    await writeFile(dir.file("outside"), "untouched");
    await symlink(dir.file("outside"), dir.file("home", "config"));

    await writeConfiguration([dir.file("home")], [{ path: dir.file("home", "config"), text: "ours" }]);

    expect(await readFile(dir.file("outside"), "utf8")).toBe("untouched");
    expect(await readFile(dir.file("home", "config"), "utf8")).toBe("ours");
  });

  it("refuses a folder that is a link", async () => {
    await using dir = await tempDir();
    await mkdir(dir.file("home"));
    await mkdir(dir.file("outside"));
    await symlink(dir.file("outside"), dir.file("home", ".agent"));

    const writing = writeConfiguration(
      [dir.file("home")],
      [{ path: dir.file("home", ".agent", "config"), text: "ours" }],
    );

    await expect(writing).rejects.toMatchObject({ code: "INVALID_SPEC" });
    expect(await readdir(dir.file("outside"))).toEqual([]);
  });

  it("refuses a file below none of its roots", async () => {
    await using dir = await tempDir();

    const writing = writeConfiguration(
      [dir.file("home"), dir.file("tmp")],
      [{ path: dir.file("other", "x"), text: "" }],
    );

    await expect(writing).rejects.toMatchObject({ code: "INVALID_SPEC" });
  });
});
