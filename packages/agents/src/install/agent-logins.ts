import { lstat, rm } from "node:fs/promises";
import { join, posix } from "node:path";

import { isInstallable } from "./agent-packages.ts";
import type { InstallableProvider } from "./agent-packages.ts";

/** How people log in to an agent: with its own program, in its own home. */
export interface AgentLogin {
  /** What its program is given to begin with a login. Without any it asks by itself, when it is started for the first time. */
  readonly login: readonly string[];
  /** What its program is given to end one; undefined where it has no word for that. */
  readonly logout: readonly string[] | undefined;
  /** The files below the home that hold a login, `/` between their parts. */
  readonly files: readonly string[];
  /** What its program is told beside what every program at a terminal is. */
  readonly variables: Readonly<Record<string, string>>;
}

/** The logins of the agents that npm installs, as their pinned versions have them. */
export const AGENT_LOGINS: Readonly<Record<InstallableProvider, AgentLogin>> = {
  codex: { login: ["login"], logout: ["logout"], files: [".codex/auth.json"], variables: {} },
  claude_code: {
    login: ["auth", "login"],
    logout: ["auth", "logout"],
    files: [".claude/.credentials.json"],
    // Another version than the one that was chosen would come with the first start.
    variables: { DISABLE_AUTOUPDATER: "1" },
  },
  gemini_cli: {
    login: [],
    logout: undefined,
    files: [".gemini/oauth_creds.json", ".gemini/google_accounts.json", ".gemini/gemini-credentials.json"],
    variables: {},
  },
};

/** Of the shell that somebody logs in from: what a program at a terminal needs, and its ways to a browser and the network. */
const OF_THE_SHELL = [
  ["PATH", "TERM", "COLORTERM", "LANG", "LC_ALL", "LC_CTYPE", "TZ"],
  [
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "BROWSER",
    "SSH_CONNECTION",
  ],
  ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "NODE_EXTRA_CA_CERTS"],
].flat();

/** The whole environment in which a person logs in: the agent's home, and of their shell only what is named here. Pure. */
export function loginEnvironment(
  provider: InstallableProvider,
  folders: { readonly home: string; readonly tmpDir: string },
  shell: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const own = OF_THE_SHELL.flatMap((name): [string, string][] => {
    const value = shell[name];
    return value === undefined || value === "" ? [] : [[name, value]];
  });
  return {
    ...Object.fromEntries(own),
    HOME: folders.home,
    TMPDIR: folders.tmpDir,
    ...(provider === "codex" ? { CODEX_HOME: join(folders.home, ".codex") } : {}),
    ...AGENT_LOGINS[provider].variables,
  };
}

/** Whether a home holds a login. Whether it is still good only its provider knows. */
export async function hasLogin(home: string, provider: string): Promise<boolean> {
  const found = await Promise.all(filesOf(provider).map((file) => kindOf(join(home, file))));
  return found.includes("file");
}

/** Removes the files of a login, whatever their agent has left of them. True: there were some. */
export async function removeLogin(home: string, provider: InstallableProvider): Promise<boolean> {
  const hadLogin = await hasLogin(home, provider);
  for (const file of filesOf(provider)) await rm(join(home, file), { force: true });
  return hadLogin;
}

/** Whether a home, and the folders and files of a login in it, are no links to somewhere else. */
export async function isLinkFree(home: string, provider: string): Promise<boolean> {
  const files = filesOf(provider);
  const folders = files.map((file) => posix.dirname(file));
  const kinds = await Promise.all(["", ...new Set([...folders, ...files])].map((path) => kindOf(join(home, path))));
  return !kinds.includes("link");
}

function filesOf(provider: string): readonly string[] {
  return isInstallable(provider) ? AGENT_LOGINS[provider].files : [];
}

async function kindOf(path: string): Promise<"file" | "link" | "other" | "none"> {
  try {
    const stats = await lstat(path);
    if (stats.isSymbolicLink()) return "link";
    return stats.isFile() ? "file" : "other";
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return "none";
    throw error;
  }
}
