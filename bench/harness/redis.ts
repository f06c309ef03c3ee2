import { tempDir } from "./temp-dir.ts";

import { findProgram, startProcess } from "./processes.ts";
import { canConnect, freePort, waitUntil } from "./wait-until.ts";

/** A Redis of the bench's own. */
export interface Redis extends AsyncDisposable {
  readonly port: number;
}

/** Starts a Redis with an append-only file on a free loopback port; undefined where there is no redis-server. */
export async function startRedis(fsync: "always" | "everysec"): Promise<Redis | undefined> {
  const program = await findProgram("redis-server");
  if (program === undefined) return undefined;
  await using cleanup = new AsyncDisposableStack();
  const directory = cleanup.use(await tempDir("redis-"));
  const port = await freePort();
  const settings = { bind: "127.0.0.1", port, dir: directory.path, save: "", appendonly: "yes", appendfsync: fsync };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  cleanup.use(startProcess(program, args, { stdio: "ignore" }));
  await waitUntil("redis-server listens", () => canConnect(port));
  const owned = cleanup.move();
  return { port, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
