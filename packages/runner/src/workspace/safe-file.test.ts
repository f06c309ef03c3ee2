import { execFileSync } from "node:child_process";
import { mkdir, realpath, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { openLinked, readSafely } from "./safe-file.ts";

/** What stands behind `link` in a workspace, beside which is a secret, once a shell has been there. */
async function behind(shell: string): Promise<string | undefined> {
  await using dir = await tempDir();
  const root = join(await realpath(dir.path), "workspace");
  await mkdir(join(root, "docs"), { recursive: true });
  await writeFile(join(root, "docs/guide.md"), "Use tabs.");
  await writeFile(dir.file("secret"), "a secret");
  execFileSync("sh", ["-c", shell], { cwd: root });
  await using file = await openLinked(root, "link");
  if (!file) return undefined;
  const chunks: Buffer[] = [];
  for await (const chunk of readSafely(file)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe("a file behind a link", () => {
  it.each([
    ["beside it", "cp docs/guide.md guide.md && ln -s guide.md link"],
    ["in a folder", "ln -s docs/guide.md link"],
    ["by a way round", "ln -s ./docs/../docs/guide.md link"],
  ])("is opened %s", async (_, shell) => {
    expect(await behind(shell)).toBe("Use tabs.");
  });

  it.each([
    ["is no link", "cp docs/guide.md link"],
    ["leads nowhere", "ln -s gone link"],
    ["leads out", "ln -s ../secret link"],
    ["leads out by a way round", "ln -s docs/../../secret link"],
    ["leads out from the root", 'ln -s "$PWD/../secret" link'],
    ["leads in from the root", 'ln -s "$PWD/docs/guide.md" link'],
    ["leads to another link", "ln -s ../secret other && ln -s other link"],
    ["leads through a folder that is a link", "ln -s .. outside && ln -s outside/secret link"],
    ["leads to a folder", "ln -s docs link"],
    ["leads to itself", "ln -s link link"],
    ["leads to a pipe that nobody writes to", "mkfifo pipe && ln -s pipe link"],
    ["leads to another name of a file outside", "ln ../secret inside && ln -s inside link"],
  ])("is none that %s", async (_, shell) => {
    expect(await behind(shell)).toBeUndefined();
  });
});
