import { randomBytes } from "node:crypto";
import { lstat, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";

import { AgentError } from "./errors.ts";

/** A file of an agent's configuration. */
export interface ConfigurationFile {
  /** Absolute, below the home. */
  readonly path: string;
  readonly text: string;
}

/**
 * Writes an agent's configuration into its home, readable by its owner alone. The home may have been another session's:
 * what an agent left there is not trusted, so a folder that is a link is refused, and a file that is one is replaced, never
 * followed.
 */
export async function writeConfiguration(home: string, files: readonly ConfigurationFile[]): Promise<void> {
  for (const { path, text } of files) {
    await makeFolders(home, dirname(path));
    const draft = `${path}.${randomBytes(6).toString("hex")}`;
    await writeFile(draft, text, { mode: 0o600, flag: "wx" });
    try {
      await rename(draft, path);
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }
}

/** Each folder between home and file, checked before it is entered. */
async function makeFolders(home: string, folder: string): Promise<void> {
  const below = relative(home, folder);
  if (below.startsWith("..")) throw new AgentError("INVALID_SPEC", `${folder} is not below ${home}`);
  let path = home;
  for (const name of below.split(sep).filter((each) => each !== "")) {
    path = join(path, name);
    await mkdir(path, { mode: 0o700 }).catch(ignoreExisting);
    if (!(await lstat(path)).isDirectory()) throw new AgentError("INVALID_SPEC", `${path} is not a folder`, { path });
  }
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}
