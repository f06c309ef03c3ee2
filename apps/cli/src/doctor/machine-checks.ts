import { execFile } from "node:child_process";
import { stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";

import { limit } from "@signalbox/protocol";

import { size } from "../text/format.ts";
import { fail, ok, warn, type Finding } from "./check.ts";

const LEAST_NODE = 24;
const LEAST_GIT = [2, 30] as const;
const PLENTY_OF_DISK = 4;

export function checkNode(version: string): Finding {
  const major = Number.parseInt(version, 10);
  return major >= LEAST_NODE ? ok("node", version) : fail("node", version, `install Node.js ${LEAST_NODE} or newer`);
}

/** Git works on every repository of a run. */
export async function checkGit(): Promise<Finding> {
  const text = await versionOf("git", ["--version"]);
  if (text === undefined) return fail("git", "not found", "install git; runners need it for runs with a repository");
  const version = /\d+(\.\d+)+/.exec(text)?.[0] ?? text;
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const isRecent = major > LEAST_GIT[0] || (major === LEAST_GIT[0] && minor >= LEAST_GIT[1]);
  return isRecent ? ok("git", version) : warn("git", version, `install git ${LEAST_GIT.join(".")} or newer`);
}

/** Whether steps can really be enclosed here, not only whether the program is there. */
export async function checkSandbox(platform: string): Promise<Finding> {
  if (platform !== "linux")
    return warn(
      "sandbox",
      `none on ${platform}`,
      "steps run without a sandbox here; use a Linux machine for work that you do not trust",
    );
  const version = await versionOf("bwrap", ["--version"]);
  if (version === undefined)
    return warn(
      "sandbox",
      "bubblewrap was not found",
      "install bubblewrap (apt install bubblewrap); without it steps run without a sandbox",
    );
  const trial = await versionOf("bwrap", [
    "--unshare-all",
    "--ro-bind",
    "/",
    "/",
    "--proc",
    "/proc",
    "--dev",
    "/dev",
    "true",
  ]);
  if (trial === undefined)
    return warn(
      "sandbox",
      `${version} does not work here`,
      "allow unprivileged user namespaces (sysctl kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu)",
    );
  return ok("sandbox", version);
}

/** Space where the server and the runner of this machine keep their data. */
export async function checkDisk(directory: string): Promise<Finding> {
  const place = await nearestThere(directory);
  const { bavail, bsize } = await statfs(place);
  const free = bavail * bsize;
  const least = limit("disk.minFreeBytes");
  const found = `${size(free)} free at ${place}`;
  if (free < least) return fail("disk", found, `free some space: new runs are refused below ${size(least)}`);
  return free < least * PLENTY_OF_DISK ? warn("disk", found, "free some space before it runs out") : ok("disk", found);
}

/** What only its owner may read: the data of the server, and the token that opens it. */
export async function checkFileMode(name: string, path: string, allowed: number): Promise<Finding> {
  const found = await stat(path).catch(ifMissing);
  if (!found) return ok(name, `${path} is not there yet`);
  const mode = found.mode & 0o777;
  const words = `${path} has mode ${mode.toString(8).padStart(4, "0")}`;
  return (mode & ~allowed) === 0
    ? ok(name, words)
    : fail(name, words, `others can read it: chmod ${allowed.toString(8)} ${path}`);
}

async function versionOf(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(program, args, { timeout: 5_000 });
    return stdout.trim();
  } catch {
    // Whatever the reason, the program is of no use here.
    return undefined;
  }
}

async function nearestThere(path: string): Promise<string> {
  const found = await stat(path).catch(ifMissing);
  return found || dirname(path) === path ? path : await nearestThere(dirname(path));
}

function ifMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
}
