/** What a step's git may do beyond the default. */
export interface SafeGitOptions {
  /** The protocols that git may speak. Default https and ssh; `ext` and `file` run or read what a URL says. */
  readonly protocols?: readonly string[];
  /** Whether git may write symbolic links into the workspace. Default true; false writes their target as text. */
  readonly symlinks?: boolean;
  /** Settings beside the safe ones; they come after them. */
  readonly settings?: Readonly<Record<string, string>>;
}

/**
 * The environment in which git heeds no hook, no file monitor, no configuration of the machine and no prompt, and
 * speaks listed protocols only. Settings given by GIT_CONFIG_COUNT stand above a repository's own (git-config(1)).
 * A repository can still name filters, diff and merge drivers that run code when git touches files: git belongs in the
 * sandbox, with this environment as the second line.
 */
export function safeGitEnvironment(options: SafeGitOptions = {}): Record<string, string> {
  const { protocols = ["https", "ssh"], symlinks = true, settings = {} } = options;
  const entries = Object.entries({ ...SAFE_SETTINGS, "core.symlinks": String(symlinks), ...settings });
  return {
    GIT_ALLOW_PROTOCOL: protocols.join(":"),
    GIT_TERMINAL_PROMPT: "0",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_PAGER: "cat",
    GIT_SSH_COMMAND: "ssh -oBatchMode=yes",
    GIT_CONFIG_COUNT: String(entries.length),
    ...Object.fromEntries(
      entries.flatMap(([key, value], index) => [
        [`GIT_CONFIG_KEY_${index}`, key],
        [`GIT_CONFIG_VALUE_${index}`, value],
      ]),
    ),
  };
}

/** Each takes a way away in which a repository's own configuration runs a program or reaches another repository. */
const SAFE_SETTINGS = {
  "core.fsmonitor": "false",
  "core.hooksPath": "/dev/null",
  "core.askPass": "",
  "credential.helper": "",
  "safe.bareRepository": "explicit",
  "protocol.ext.allow": "never",
  "submodule.recurse": "false",
  "fetch.recurseSubmodules": "false",
  "commit.gpgSign": "false",
  "tag.gpgSign": "false",
  "log.showSignature": "false",
  "gc.auto": "0",
};
