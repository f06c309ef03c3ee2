import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { prepareGeminiSession, withOlderMinute } from "./prepare-gemini.ts";

const NOW = Date.UTC(2026, 10, 21, 11, 48, 30);
const ID = "17e86ac8-8543-4dea-8094-3430049d4750";
const NAME = "session-2026-11-21T11-48-17e86ac8.jsonl";
const OLDER = "session-2026-11-20T11-48-17e86ac8.jsonl";

describe("prepareGeminiSession", () => {
  it("makes the minute of a conversation an older one, and keeps a copy", async () => {
    await using dir = await tempDir();
    const chats = dir.file(".gemini", "tmp", "ws", "chats");
    await put(`${chats}/${NAME}`, "history");
    await put(`${chats}/session-2026-11-21T11-48-5c628330.jsonl`, "another");

    await prepareGeminiSession(dir.path, ID, NOW);

    expect((await readdir(chats)).sort()).toEqual([
      OLDER,
      "session-2026-11-21T11-48-5c628330.jsonl",
      "signalbox-copies",
    ]);
    expect(await readFile(`${chats}/signalbox-copies/copy-17e86ac8.jsonl`, "utf8")).toBe("history");
  });

  it("takes the largest file for the conversation, and puts those aside that loading it has left", async () => {
    await using dir = await tempDir();
    const chats = dir.file(".gemini", "tmp", "ws", "chats");
    await put(`${chats}/${OLDER}`, "the whole history");
    await put(`${chats}/${NAME}`, "nothing");

    await prepareGeminiSession(dir.path, ID, NOW);

    expect((await readdir(chats)).sort()).toEqual([OLDER, "signalbox-copies"]);
    expect(await readFile(`${chats}/${OLDER}`, "utf8")).toBe("the whole history");
  });

  it("brings a conversation back that was destroyed", async () => {
    await using dir = await tempDir();
    const chats = dir.file(".gemini", "tmp", "ws", "chats");
    await put(`${chats}/${NAME}`, "history");
    await prepareGeminiSession(dir.path, ID, NOW);
    await rm(`${chats}/${OLDER}`);

    await prepareGeminiSession(dir.path, ID, NOW);

    const [restored = ""] = await readdir(chats);
    expect(restored).toBe(OLDER);
    expect(await readFile(`${chats}/${restored}`, "utf8")).toBe("history");
  });

  it("leaves an old conversation as it is, and does nothing without one", async () => {
    await using dir = await tempDir();
    const chats = dir.file(".gemini", "tmp", "ws", "chats");
    await prepareGeminiSession(dir.path, ID, NOW);
    await put(`${chats}/${NAME}`, "history");

    await prepareGeminiSession(dir.path, ID, NOW + 3_600_000);

    expect(await readdir(chats)).toEqual([NAME, "signalbox-copies"]);
  });

  it("follows no link that an agent left", async () => {
    await using dir = await tempDir();
    const chats = dir.file("home", ".gemini", "tmp", "ws", "chats");
    await put(dir.file("secret"), "secret");
    await put(`${chats}/keep`, "");
    await symlink(dir.file("secret"), `${chats}/${NAME}`);

    await prepareGeminiSession(dir.file("home"), ID, NOW);

    expect((await readdir(chats)).sort()).toEqual(["keep", NAME, "signalbox-copies"]);
    expect(await readdir(`${chats}/signalbox-copies`)).toEqual([]);
  });

  it("refuses a folder for copies that is a link", async () => {
    await using dir = await tempDir();
    const chats = dir.file("home", ".gemini", "tmp", "ws", "chats");
    await put(`${chats}/${NAME}`, "history");
    await mkdir(dir.file("elsewhere"));
    await symlink(dir.file("elsewhere"), `${chats}/signalbox-copies`);

    await expect(prepareGeminiSession(dir.file("home"), ID, NOW)).rejects.toThrow("is not a folder");
    expect(await readdir(dir.file("elsewhere"))).toEqual([]);
  });
});

describe("withOlderMinute", () => {
  it.each([
    [NAME, OLDER],
    ["session-2026-11-21T11-49-17e86ac8.jsonl", "session-2026-11-20T11-49-17e86ac8.jsonl"],
    ["session-2026-11-21T09-00-17e86ac8.jsonl", "session-2026-11-21T09-00-17e86ac8.jsonl"],
    ["session-nonsense-17e86ac8.jsonl", "session-nonsense-17e86ac8.jsonl"],
  ])("of %s is %s", (name, older) => {
    expect(withOlderMinute(name, NOW)).toBe(older);
  });
});

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}
