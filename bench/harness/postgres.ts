import { execFile } from "node:child_process";
import { chown, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import { tempDir } from "./temp-dir.ts";

import { findProgram, startProcess } from "./processes.ts";
import { freePort, waitUntil } from "./wait-until.ts";

/** A PostgreSQL of the bench's own. */
export interface Postgres extends AsyncDisposable {
  readonly url: string;
  readonly version: string;
}

const run = promisify(execFile);
const NOBODY = { uid: 65_534, gid: 65_534 };

/** Starts a PostgreSQL as it is out of the box (fsync on) on a free loopback port; undefined where there is none. */
export async function startPostgres(): Promise<Postgres | undefined> {
  const program = await findProgram("postgres");
  if (program === undefined) return undefined;
  await using cleanup = new AsyncDisposableStack();
  const directory = cleanup.use(await tempDir("postgres-"));
  // PostgreSQL refuses to run as root.
  const who = process.getuid?.() === 0 ? NOBODY : undefined;
  if (who) await chown(directory.path, who.uid, who.gid);
  const data = directory.file("data");
  const initdb = ["-D", data, "-U", "bench", "--auth=trust", "--no-instructions"];
  await run(join(dirname(program), "initdb"), initdb, { cwd: directory.path, ...who });
  const port = await freePort();
  const settings = ["-D", data, "-p", String(port), "-k", directory.path, "-c", "listen_addresses=127.0.0.1"];
  cleanup.use(startProcess(program, settings, { stdio: "ignore", cwd: directory.path, ...who }));
  await waitUntil("postgres is ready", () => isReady(data));
  const version = (await run(program, ["--version"])).stdout.trim();
  const owned = cleanup.move();
  return {
    url: `postgresql://bench@127.0.0.1:${port}/postgres`,
    version,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** PostgreSQL says so in its lock file. */
async function isReady(data: string): Promise<boolean> {
  const lock = await readFile(join(data, "postmaster.pid"), "utf8").catch(() => "");
  return lock.includes("ready");
}
