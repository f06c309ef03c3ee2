import { readFile } from "node:fs/promises";
import { join } from "node:path";

import type { CliEnvironment } from "./config.ts";

/** Where the server of this machine keeps its data, unless it was told otherwise. */
export function localDataDirectory({ variables, home }: CliEnvironment): string | undefined {
  const named = variables["SIGNALBOX_DATA_DIR"];
  if (named) return named;
  return home === undefined ? undefined : join(home, ".signalbox");
}

/** The file in which the server of this machine leaves the token that it made at its first start. */
export function localTokenFile(environment: CliEnvironment): string | undefined {
  const directory = localDataDirectory(environment);
  return directory === undefined ? undefined : join(directory, "admin-token");
}

/** The token of this machine's server; undefined when there is none that we may read. */
export async function readLocalToken(environment: CliEnvironment): Promise<string | undefined> {
  const file = localTokenFile(environment);
  if (file === undefined) return undefined;
  try {
    return (await readFile(file, "utf8")).trim() || undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "EACCES" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

/** Whether a host of a URL is this machine; names other than `localhost` may lead anywhere. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}
