import { execFile } from "node:child_process";
import { promisify } from "node:util";

const MAIN = new URL("../../apps/cli/src/main.ts", import.meta.url).pathname;

/** What the command line prints, in an environment of its own. Rejects where its exit code is not 0. */
export async function runCli(
  server: { readonly url: string; readonly token: string },
  args: readonly string[],
): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, ...args], {
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: "/nonexistent",
      SIGNALBOX_URL: server.url,
      SIGNALBOX_TOKEN: server.token,
    },
  });
  return stdout;
}
