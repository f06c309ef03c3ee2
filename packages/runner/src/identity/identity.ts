import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";

import { absentAsUndefined, loadRunnerKey, writePrivately, type RunnerKey } from "./runner-key.ts";

/** Who this machine is to one control plane. */
export interface RunnerIdentity {
  readonly runnerId: string;
  readonly orgId: string;
  readonly serverUrl: string;
  readonly key: RunnerKey;
}

const StoredIdentitySchema = z.object({
  v: z.literal(1),
  runnerId: z.string().min(1),
  orgId: z.string().min(1),
  serverUrl: z.string().min(1),
});

/** The key of a data directory, and who it was enrolled as; `enrolled` is undefined before that. */
export interface IdentityFiles {
  readonly key: RunnerKey;
  readonly enrolled: Omit<RunnerIdentity, "key"> | undefined;
}

/** Reads `runner.json` and `runner-key.pem` (made when absent). A `runner.json` that says nothing sensible is refused. */
export async function loadIdentity(dataDir: string): Promise<IdentityFiles> {
  const key = await loadRunnerKey(join(dataDir, "runner-key.pem"));
  const text = await readFile(join(dataDir, "runner.json"), "utf8").catch(absentAsUndefined);
  return { key, enrolled: text === undefined ? undefined : StoredIdentitySchema.parse(JSON.parse(text)) };
}

/** Remembers who this machine was enrolled as. */
export async function saveIdentity(dataDir: string, identity: Omit<RunnerIdentity, "key">): Promise<void> {
  const { runnerId, orgId, serverUrl } = identity;
  await writePrivately(
    join(dataDir, "runner.json"),
    `${JSON.stringify({ v: 1, runnerId, orgId, serverUrl }, null, 2)}\n`,
  );
}
