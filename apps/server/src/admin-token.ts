import { chmod } from "node:fs/promises";
import { join } from "node:path";

import type { ControlPlane } from "@signalbox/control-plane";

import { readIfThere, writePrivately } from "./private-file.ts";

/** The file in the data directory that holds the token which the server made at its first start. */
export const ADMIN_TOKEN_FILE = "admin-token";

/**
 * Sees to it that the data directory holds a token of an admin, readable by its owner only: what the CLI and the SDK
 * of this machine are known by. One that no longer opens anything is replaced.
 */
export async function ensureAdminToken(dataDir: string, tokens: ControlPlane["tokens"]): Promise<string> {
  const file = join(dataDir, ADMIN_TOKEN_FILE);
  const before = await readIfThere(file);
  if (before !== undefined && (await tokens.authenticate(before))) {
    await chmod(file, 0o600);
    return file;
  }
  const made = await tokens.createToken({ name: "this machine", scopes: ["admin"] });
  if (!made.success) throw new Error(`cannot make the admin token: ${made.error.message}`);
  await writePrivately(file, `${made.data.token}\n`);
  return file;
}
