import { lstat, readFile } from "node:fs/promises";
import { join } from "node:path";

import { AGENT_LOGINS } from "./agent-logins.ts";
import { isInstallable } from "./agent-packages.ts";

/**
 * The secrets of a login, as they stand in its files now: for whoever keeps them out of what is shown. Those that its agent gets
 * anew later are not among them.
 */
export async function loginSecrets(home: string, provider: string): Promise<readonly string[]> {
  const files = isInstallable(provider) ? AGENT_LOGINS[provider].files : [];
  const found = await Promise.all(files.map(async (file) => secretsIn(await readPlain(join(home, file)))));
  return [...new Set(found.flat())];
}

/** The texts of a JSON document whose names say that they are secret, and which are long enough to be. Pure. */
function secretsIn(text: string | undefined): string[] {
  const found: string[] = [];
  const look = (name: string, value: unknown): void => {
    if (typeof value === "string" && value.length >= SHORTEST && NAMES.test(name)) found.push(value);
    if (typeof value !== "object" || value === null) return;
    // The entries of a list go by the name of the list.
    for (const [key, part] of Object.entries(value)) look(Array.isArray(value) ? name : key, part);
  };
  try {
    look("", JSON.parse(text ?? "null"));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return found;
}

const NAMES = /token|key|secret|password|credential/i;
/** What is shorter is no secret of an account, but a word such as `Bearer`. */
const SHORTEST = 16;
const MOST_BYTES = 1_048_576;

/** A file that is no plain one, or no credentials by its size, is not read. */
async function readPlain(path: string): Promise<string | undefined> {
  const stats = await lstat(path).catch(() => undefined);
  if (!stats?.isFile() || stats.size > MOST_BYTES) return undefined;
  return readFile(path, "utf8").catch(() => undefined);
}
