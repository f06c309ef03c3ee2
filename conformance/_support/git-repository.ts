import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

const execute = promisify(execFile);
const GIT_ENV = {
  PATH: process.env["PATH"],
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "A Person",
  GIT_AUTHOR_EMAIL: "person@example.invalid",
  GIT_COMMITTER_NAME: "A Person",
  GIT_COMMITTER_EMAIL: "person@example.invalid",
};

/** Makes a git repository with one commit that holds these files; gives back its `file:` URL. */
export async function makeGitRepository(directory: string, files: Readonly<Record<string, string>>): Promise<string> {
  await mkdir(directory, { recursive: true });
  await git(directory, "init", "--quiet", "--initial-branch=main");
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text);
  }
  await git(directory, "add", "--all");
  await git(directory, "commit", "--quiet", "--message=first");
  return pathToFileURL(directory).href;
}

/** Runs git in a folder, with no configuration of this machine; gives back what it prints. */
export async function git(directory: string, ...args: string[]): Promise<string> {
  const { stdout } = await execute("git", args, { cwd: directory, env: GIT_ENV });
  return stdout.trim();
}
