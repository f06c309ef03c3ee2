import { realpath, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import type { Repository } from "@signalbox/protocol";

import { usageError } from "./errors.ts";

const SCP_FORM = /^[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:/;
const URL_FORM = /^[a-z][a-z0-9+.-]*:\/\//i;

/** The repository that `--repo` names: a URL as it is, a folder of this machine as an absolute `file:` URL. */
export async function readRepository(text: string, branch: string | undefined, cwd: string): Promise<Repository> {
  const url = URL_FORM.test(text) || SCP_FORM.test(text) ? text : await urlOfFolder(text, cwd);
  return branch === undefined ? { url } : { url, branch };
}

async function urlOfFolder(path: string, cwd: string): Promise<string> {
  const folder = await realpath(resolve(cwd, path)).catch(() => undefined);
  if (folder === undefined)
    throw usageError(`--repo: there is no folder ${path}`, "name a folder, or a URL such as https://host/repo.git");
  const isRepository =
    (await isThere(join(folder, ".git"))) ||
    ((await isThere(join(folder, "HEAD"))) && (await isThere(join(folder, "objects"))));
  if (!isRepository)
    throw usageError(`--repo: ${path} is no git repository`, "name its top folder, the one with .git in it");
  return pathToFileURL(folder).href;
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
