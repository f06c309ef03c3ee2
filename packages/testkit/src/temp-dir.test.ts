import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { tempDir } from "./temp-dir.ts";

describe("tempDir", () => {
  it("is there while it is used and gone afterwards, with its contents", async () => {
    let path: string;
    {
      await using dir = await tempDir();
      path = dir.path;
      await writeFile(dir.file("note.txt"), "hello");

      expect(existsSync(path)).toBe(true);
    }

    expect(existsSync(path)).toBe(false);
  });
});
