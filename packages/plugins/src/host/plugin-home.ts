import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder that a plugin's process has for itself, as HOME and TMPDIR, while it runs. */
export interface PluginHome extends AsyncDisposable {
  readonly path: string;
  /** Holds the token; only this user can read it. */
  readonly tokenFile: string | undefined;
}

/** Makes one that nobody but this user can look into. Disposing of it removes everything. */
export async function newPluginHome(token: string | undefined): Promise<PluginHome> {
  // mkdtemp makes folders for their owner alone.
  const path = await mkdtemp(join(tmpdir(), "signalbox-plugin-"));
  await using home = new AsyncDisposableStack();
  // A process that is just ending may still write here.
  home.defer(() => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }));
  const tokenFile = token === undefined ? undefined : join(path, "bus-token");
  if (tokenFile !== undefined && token !== undefined) await writeFile(tokenFile, token, { mode: 0o600, flag: "wx" });
  const owned = home.move();
  return { path, tokenFile, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
