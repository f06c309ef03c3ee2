import { randomBytes } from "node:crypto";
import { lstat, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";

import { AgentError } from "./errors.ts";

/** A file that an agent finds. */
export interface ConfigurationFile {
  /** Absolute, below one of the roots. */
  readonly path: string;
  readonly text: string;
}

/**
 * Writes what an agent finds below its folders (`roots`), readable by its owner alone. They may have been used before: what
 * an agent left there is not trusted, so a folder that is a link is refused, and a file that is one is replaced, never
 * followed.
 */
export async function writeConfiguration(roots: readonly string[], files: readonly ConfigurationFile[]): Promise<void> {
  for (const { path, text } of files) {
    await makeFolders(roots, dirname(path));
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

/** Each folder between root and file, checked before it is entered. */
async function makeFolders(roots: readonly string[], folder: string): Promise<void> {
  const root = roots.find((each) => !relative(each, folder).startsWith(".."));
  if (root === undefined) throw new AgentError("INVALID_SPEC", `${folder} is below none of ${roots.join(", ")}`);
  const below = relative(root, folder);
  let path = root;
  for (const name of below.split(sep).filter((each) => each !== "")) {
    path = join(path, name);
    await mkdir(path, { mode: 0o700 }).catch(ignoreExisting);
    if (!(await lstat(path)).isDirectory()) throw new AgentError("INVALID_SPEC", `${path} is not a folder`, { path });
  }
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}
