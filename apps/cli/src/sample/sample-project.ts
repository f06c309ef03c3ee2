import { execFile } from "node:child_process";
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import { CommandError } from "../errors.ts";

const FILES: Readonly<Record<string, string>> = {
  "README.md": `# greet\n\nSays hello. A small repository that Signalbox made for its sample run; it is yours to play with.\n`,
  "package.json": `${JSON.stringify({ name: "greet", version: "1.0.0", private: true, type: "module", scripts: { typecheck: "node --check src/greet.js", test: "node --test" } }, undefined, 2)}\n`,
  "src/greet.js": `const GREETINGS = {\n  en: "Hello",\n};\n\nexport function greet(name, language = "en") {\n  return \`\${GREETINGS[language]}, \${name}!\`;\n}\n`,
  "test/greet.test.js": `import assert from "node:assert/strict";\nimport { test } from "node:test";\n\nimport { greet } from "../src/greet.js";\n\ntest("greets in English", () => {\n  assert.equal(greet("Ada"), "Hello, Ada!");\n});\n`,
};

/** Makes a small git repository with one commit, unless it is there; answers with its folder. */
export async function makeSampleProject(folder: string): Promise<string> {
  if (await isThere(join(folder, ".git"))) return folder;
  // It appears whole or not at all, so that a start that was interrupted leaves nothing half made.
  const staging = `${folder}.making-${process.pid}`;
  await rm(staging, { recursive: true, force: true });
  for (const [path, text] of Object.entries(FILES)) {
    await mkdir(dirname(join(staging, path)), { recursive: true });
    await writeFile(join(staging, path), text);
  }
  await git(staging, ["init", "--quiet", "--initial-branch=main"]);
  await git(staging, ["add", "--all"]);
  await git(staging, ["commit", "--quiet", "--message=A library that says hello"]);
  await rm(folder, { recursive: true, force: true });
  await rename(staging, folder);
  return folder;
}

/** Git as nobody in particular: the settings and hooks of the person at the keyboard have no part in it. */
async function git(cwd: string, args: readonly string[]): Promise<void> {
  const identity = [
    "-c",
    "user.name=Signalbox",
    "-c",
    "user.email=sample@signalbox.invalid",
    "-c",
    "commit.gpgsign=false",
  ];
  const { PATH = "" } = process.env;
  const env = { PATH, HOME: cwd, GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" };
  try {
    await promisify(execFile)("git", [...identity, ...args], { cwd, env });
  } catch (error) {
    const { code, stderr = "" } = error as { code?: unknown; stderr?: string };
    const why = code === "ENOENT" ? "git was not found" : stderr.trim();
    throw new CommandError(`the sample repository could not be made: ${why}`, {
      hint: "`signalbox doctor` tells what this machine lacks",
      cause: error,
    });
  }
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
