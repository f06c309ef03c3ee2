import { execFileSync } from "node:child_process";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { tempDir } from "@signalbox/testkit";
import type { TempDir } from "@signalbox/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { guideManifest } from "../../test/_support/manifests.ts";
import { loadManifest } from "./load-manifest.ts";
import { ManifestError } from "./manifest-error.ts";

const MANIFEST = ".claude-plugin/plugin.json";
const ROUTING = ".claude-plugin/routing-config.json";
const BOOTSTRAP = "lib/plugin-bootstrap.js";
const minimal = { name: "leaf", version: "1.0.0" };

describe("loadManifest", () => {
  it("reads the folder that the guide lays out", async () => {
    await using dir = await folderOf({ [MANIFEST]: guideManifest, "lib/plugin-bootstrap.ts": "" });

    const plugin = await loadManifest(dir.path);

    expect(plugin).toMatchObject({ folder: dir.path, entryPoint: dir.file("lib", "plugin-bootstrap.ts") });
    expect(plugin.manifest.name).toBe("your-plugin");
    expect(plugin.manifestHash).toMatch(/^[0-9a-f]{64}$/);
  });

  it("says where the JSON goes wrong", async () => {
    await using dir = await folderOf({ [MANIFEST]: '{\n  "name": "a"\n  "version": "1.0.0"\n}', [BOOTSTRAP]: "" });

    await expect(loadManifest(dir.path)).rejects.toThrow(
      `${MANIFEST}: wanted JSON, found line 3, column 3: wanted "," or "}", found "\\""`,
    );
  });

  it.each([
    ["no folder", "nowhere", "wanted a plugin's folder"],
    ["no manifest", "", `${MANIFEST}: wanted a file inside the folder of at most 65536 bytes, found nothing`],
  ])("refuses %s", async (_name, folder, message) => {
    await using dir = await tempDir();

    await expect(loadManifest(dir.file(folder))).rejects.toThrow(message);
  });

  it.each([
    ["too large", `{"name": "${"a".repeat(70_000)}"}`, "found a file that is larger"],
    ["not UTF-8", Buffer.from([0x7b, 0xff, 0x7d]), "found a file that is not UTF-8"],
  ])("refuses a manifest that is %s", async (_name, content, message) => {
    await using dir = await folderOf({ [MANIFEST]: content });

    await expect(loadManifest(dir.path)).rejects.toThrow(message);
  });

  it("refuses a manifest that is a folder or a named pipe, without waiting for one", async () => {
    await using withFolder = await folderOf({ [`${MANIFEST}/x`]: "" });
    await using withPipe = await folderOf({ ".claude-plugin/x": "" });
    execFileSync("mkfifo", [withPipe.file(MANIFEST)]);

    await expect(loadManifest(withFolder.path)).rejects.toThrow("something that is not a file");
    await expect(loadManifest(withPipe.path)).rejects.toThrow("something that is not a file");
  });

  describe("what leads out of the folder", () => {
    it("may not be the manifest itself, by a link of it or of its folder", async () => {
      await using outside = await folderOf({ [MANIFEST]: minimal, [BOOTSTRAP]: "" });
      await using dir = await folderOf({ [BOOTSTRAP]: "", ".claude-plugin/x": "" });
      await using other = await folderOf({ [BOOTSTRAP]: "" });
      await symlink(outside.file(MANIFEST), dir.file(MANIFEST));
      await symlink(outside.file(".claude-plugin"), other.file(".claude-plugin"));

      await expect(loadManifest(dir.path)).rejects.toThrow("a path that leads out of the folder");
      await expect(loadManifest(other.path)).rejects.toThrow("a path that leads out of the folder");
    });

    it.each(["../x.js", "lib/../../x.js", "/x.js", "C:\\x.js", "lib\\x.js", "a\0b"])(
      "may not be the entry point %j",
      async (main) => {
        await using dir = await folderOf({ [MANIFEST]: { ...minimal, main }, [BOOTSTRAP]: "" });

        await expect(loadManifest(dir.path)).rejects.toThrow("main: wanted a relative path inside the plugin's folder");
      },
    );

    it("may not be the entry point that package.json names", async () => {
      await using dir = await folderOf({
        "plugin/.claude-plugin/plugin.json": minimal,
        "plugin/package.json": { main: "../evil.js" },
        "evil.js": "",
      });

      await expect(loadManifest(dir.file("plugin"))).rejects.toThrow(
        "package.json: main: wanted a file inside the plugin's folder, found a path that leads out of the folder",
      );
    });

    it("may not be reached by a link, as the entry point or as a path for other readers", async () => {
      await using outside = await folderOf({ "evil.js": "", "agents/evil.md": "" });
      await using dir = await folderOf({
        [MANIFEST]: { ...minimal, main: "lib/a.js", agents: ["lib/agents"] },
        "lib/x": "",
      });
      await symlink(outside.file("evil.js"), dir.file("lib", "a.js"));
      await symlink(outside.file("agents"), dir.file("lib", "agents"));

      const error: unknown = await loadManifest(dir.path).catch((caught: unknown) => caught);

      expect(error).toBeInstanceOf(ManifestError);
      expect((error as ManifestError).problems.map(({ path, found }) => `${path}: ${found}`)).toEqual([
        "agents[0]: a path that leads out of the folder",
        "main: a path that leads out of the folder",
      ]);
    });

    it("is fine for the folder itself, whose place is the operator's to say", async () => {
      await using plugin = await folderOf({ [MANIFEST]: minimal, [BOOTSTRAP]: "" });
      await using dir = await tempDir();
      await symlink(plugin.path, dir.file("linked"));

      await expect(loadManifest(dir.file("linked"))).resolves.toMatchObject({ folder: plugin.path });
    });
  });

  describe("the entry point", () => {
    it.each<[rule: string, files: Record<string, unknown>, entry: string]>([
      ["main of the manifest", { [MANIFEST]: { ...minimal, main: "./a.js" }, "a.js": "", [BOOTSTRAP]: "" }, "a.js"],
      ["exports before main", { "package.json": { exports: "./a.js", main: "b.js" }, "a.js": "", "b.js": "" }, "a.js"],
      [
        "exports of .",
        { "package.json": { exports: { ".": { types: "./t", import: "./a.mjs" } } }, "a.mjs": "" },
        "a.mjs",
      ],
      [
        "main of package.json",
        { "package.json": { main: "dist/b.js" }, "dist/b.js": "", [BOOTSTRAP]: "" },
        "dist/b.js",
      ],
      [
        "the guide's file where main names nothing",
        { "package.json": { main: "index.js" }, [BOOTSTRAP]: "" },
        BOOTSTRAP,
      ],
      ["compiled before source", { [BOOTSTRAP]: "", "lib/plugin-bootstrap.ts": "" }, BOOTSTRAP],
      ["source", { "lib/plugin-bootstrap.mts": "" }, "lib/plugin-bootstrap.mts"],
    ])("is %s", async (_rule, files, entry) => {
      await using dir = await folderOf({ [MANIFEST]: minimal, ...files });

      await expect(loadManifest(dir.path)).resolves.toMatchObject({ entryPoint: dir.file(entry) });
    });

    it.each<[what: string, files: Record<string, unknown>, message: string]>([
      ["there is none", {}, "main: wanted a file to start with"],
      ["the manifest names none", { [MANIFEST]: { ...minimal, main: "a.js" }, [BOOTSTRAP]: "" }, "found nothing"],
      ["package.json is not JSON", { "package.json": "{", [BOOTSTRAP]: "" }, "package.json: wanted JSON"],
      ["it is a folder", { [MANIFEST]: { ...minimal, main: "lib" }, [BOOTSTRAP]: "" }, "something that is not a file"],
    ])("is a problem where %s", async (_what, files, message) => {
      await using dir = await folderOf({ [MANIFEST]: minimal, ...files });

      await expect(loadManifest(dir.path)).rejects.toThrow(message);
    });
  });

  describe("routing-config.json", () => {
    it("takes the place of fields of routing, one by one", async () => {
      const config = { priority: 7, keywords: ["own"] };
      await using dir = await folderOf({ [MANIFEST]: guideManifest, [ROUTING]: config, [BOOTSTRAP]: "" });

      const { manifest } = await loadManifest(dir.path);

      expect(manifest.routing).toEqual({ ...guideManifest.routing, ...config });
    });

    it("is checked like the manifest", async () => {
      const config = { priorty: 7, capabilities: {}, contextPatterns: ["[a]"] };
      await using dir = await folderOf({ [MANIFEST]: guideManifest, [ROUTING]: config, [BOOTSTRAP]: "" });

      const error: unknown = await loadManifest(dir.path).catch((caught: unknown) => caught);

      expect((error as ManifestError).problems.map(({ file, path }) => `${file} ${path}`)).toEqual([
        `${ROUTING} contextPatterns[0]`,
        `${ROUTING} priorty`,
        `${ROUTING} capabilities`,
      ]);
    });

    it("changes the hash that an approval is bound to", async () => {
      await using without = await folderOf({ [MANIFEST]: guideManifest, [BOOTSTRAP]: "" });
      await using dir = await folderOf({
        [MANIFEST]: guideManifest,
        [ROUTING]: { canRouteTo: ["x"] },
        [BOOTSTRAP]: "",
      });

      const hashes = await Promise.all([without, dir].map(async ({ path }) => (await loadManifest(path)).manifestHash));

      expect(new Set(hashes).size).toBe(2);
    });
  });

  it("answers any bytes with a plugin or a ManifestError", async () => {
    await using dir = await folderOf({ [MANIFEST]: "", [BOOTSTRAP]: "" });
    const text = JSON.stringify(guideManifest);
    const cut = fc.tuple(fc.nat(text.length), fc.string(), fc.nat(9)).map(([at, insert, skip]) => {
      return text.slice(0, at) + insert + text.slice(at + skip);
    });

    await fc.assert(
      fc.asyncProperty(fc.oneof(cut, fc.json(), fc.uint8Array()), async (content) => {
        await writeFile(dir.file(MANIFEST), content);
        const error: unknown = await loadManifest(dir.path).then(
          () => undefined,
          (caught: unknown) => caught,
        );
        expect(error === undefined || error instanceof ManifestError).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});

/** A folder with these files; what is not text or bytes is written as JSON. */
async function folderOf(files: Record<string, unknown>): Promise<TempDir> {
  const dir = await tempDir();
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(dir.file(path)), { recursive: true });
    const isRaw = typeof content === "string" || Buffer.isBuffer(content);
    await writeFile(dir.file(path), isRaw ? content : JSON.stringify(content));
  }
  return dir;
}
