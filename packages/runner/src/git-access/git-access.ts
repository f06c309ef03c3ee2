import { readFile } from "node:fs/promises";

import { StepError } from "../supervisor/step-error.ts";
import type { GitAccessSettings } from "./git-access-settings.ts";

/** Who this machine is to one server. */
export interface GitCredential {
  /** The server, as `https://host/`. */
  readonly origin: string;
  readonly username: string;
  readonly password: string;
}

type Entry = GitAccessSettings["credentials"][number];

/** What the owner of this machine has given its git, and for which repositories. */
export class GitAccess {
  readonly #settings: GitAccessSettings;

  constructor(settings: GitAccessSettings) {
    this.#settings = settings;
  }

  get caFile(): string | undefined {
    return this.#settings.caFile;
  }

  get ssh(): GitAccessSettings["ssh"] {
    return this.#settings.ssh;
  }

  /** The credential for a repository; `also` stands behind the owner's own entries. Throws a `StepError` where it cannot be read. */
  async credentialFor(url: string, also?: Entry): Promise<GitCredential | undefined> {
    const wanted = URL.parse(url)?.href;
    if (wanted === undefined || !wanted.startsWith("https:")) return undefined;
    const entries = [...this.#settings.credentials, ...(also ? [also] : [])];
    const [entry] = entries
      .filter((candidate) => wanted.startsWith(new URL(candidate.url).href))
      .sort((one, other) => other.url.length - one.url.length);
    if (!entry) return undefined;
    const { origin } = new URL(entry.url);
    return { origin: `${origin}/`, username: entry.username, password: await readToken(entry.tokenFile) };
  }
}

/** A token of the owner. Its file is named in no message: it is a path of this machine. */
export async function readToken(file: string): Promise<string> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    const message = "the file with the token of this machine's owner cannot be read";
    throw new StepError("missing_dependency", message, error);
  });
  const token = text.trim();
  if (/^[\x21-\x7e]{6,8000}$/.test(token)) return token;
  throw new StepError("missing_dependency", "the file with the token of this machine's owner holds no token");
}
