import type { Repository } from "@signalbox/protocol";
import { fileURLToPath } from "node:url";

import { CREDENTIAL_FD, credentialSettings, credentialText } from "../git-access/credential-on-fd.ts";
import type { GitAccess, GitCredential } from "../git-access/git-access.ts";
import { sshCommand } from "../git-access/ssh-command.ts";
import { GitFailure, kindOfFailure } from "../git-access/git-failure.ts";
import { createRedactor } from "../redaction/redactor.ts";
import { safeGitEnvironment } from "../sandbox/safe-git-environment.ts";
import { StepError } from "../supervisor/step-error.ts";
import type { CommandEnd, PlannedCommand } from "../tools/tool.ts";

/** Runs commands in one folder, inside a sandbox. */
export interface CommandRunner {
  /** Whether the folder is seen elsewhere than where it is. */
  readonly isEnclosed: boolean;
  capture(
    command: PlannedCommand,
    maxBytes?: number,
  ): Promise<CommandEnd & { readonly stdout: string; readonly stderr: string }>;
}

/** Where a repository on this machine's disk is seen inside a sandbox. */
const REPOSITORY_PATH = "/run/repository";
/** Enough history for an agent to read, little enough to fetch at once. */
const DEPTH = "50";
const LISTING_BYTES = 268_435_456;

/**
 * Git in a workspace. It runs in the sandbox only, for a repository may make git run what it likes; it heeds no
 * configuration of the machine, and every name from outside stands behind `--`.
 */
export class Git {
  readonly #runner: CommandRunner;
  /** A configuration that trusts repositories of other owners: for those on this machine's disk. */
  readonly #trustingConfig: string;

  readonly #access: GitAccess;

  constructor(runner: CommandRunner, trustingConfig: string, access: GitAccess) {
    this.#access = access;
    this.#runner = runner;
    this.#trustingConfig = trustingConfig;
  }

  /** Fetches a repository into the empty folder and checks it out; answers the commit. */
  async clone(repo: Repository, commit: string | undefined): Promise<string> {
    const source = await this.#sourceOf(repo);
    const wanted = commit ?? repo.commit ?? repo.branch ?? "HEAD";
    await this.#must(["init", "--quiet"]);
    await this.#must(["remote", "add", "--", "origin", source.url]);
    const fetch = ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules"];
    const shallow = await this.#git([...fetch, "--depth", DEPTH, "--", "origin", wanted], source);
    const isShallow = shallow.exitCode === 0;
    // A server that does not let this machine in is not asked again.
    if (!isShallow) refuseWhere(shallow.stderr, source);
    // Some servers give only what a branch points to; then the whole history is needed to find a commit.
    if (!isShallow) await this.#must([...fetch, "--", "origin"], source);
    const start = isShallow ? "FETCH_HEAD" : wanted;
    const branch = commit === undefined && repo.commit === undefined ? repo.branch : undefined;
    await this.#must(["checkout", "--quiet", ...(branch === undefined ? ["--detach"] : ["-B", branch]), start, "--"]);
    return (await this.#must(["rev-parse", "--verify", "HEAD"])).trim();
  }

  /** What git ignores here: files, and folders with a slash at their end. Undefined when this is no repository. */
  async ignored(): Promise<ReadonlySet<string> | undefined> {
    const args = ["ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory"];
    const { exitCode, stdout } = await this.#git(args);
    return exitCode === 0 ? new Set(stdout.split("\0").filter(Boolean)) : undefined;
  }

  /** The files of a commit with git's hash of each; empty when that cannot be said. */
  async filesOf(commit: string): Promise<ReadonlyMap<string, string>> {
    const { exitCode, stdout } = await this.#git(["ls-tree", "-r", "-z", "--full-tree", commit]);
    if (exitCode !== 0) return new Map();
    return new Map(stdout.split("\0").filter(Boolean).map(parseTreeLine));
  }

  async #sourceOf({ url }: Repository): Promise<Source> {
    if (!url.toLowerCase().startsWith("file:")) {
      if (!url.toLowerCase().startsWith("https:")) return { url, protocols: ["ssh"], ...keyOf(this.#access) };
      const { caFile } = this.#access;
      const credential = await this.#access.credentialFor(url);
      const binds = caFile === undefined ? [] : [{ source: caFile }];
      return { url, protocols: ["https"], binds, caFile, credential };
    }
    const path = fileURLToPath(url);
    const trusting = { source: this.#trustingConfig };
    if (!this.#runner.isEnclosed)
      return { url: `file://${path}`, protocols: ["file"], binds: [], config: trusting.source };
    const binds = [{ source: path, target: REPOSITORY_PATH }, trusting];
    return { url: `file://${REPOSITORY_PATH}`, protocols: ["file"], binds, config: trusting.source };
  }

  async #must(args: readonly string[], source?: Source): Promise<string> {
    const { exitCode, stdout, stderr } = await this.#git(args, source);
    if (exitCode === 0) return stdout;
    refuseWhere(stderr, source);
    const why = stderr.trim().split("\n").slice(-3).join("; ").slice(0, 500);
    throw new StepError("workspace_unavailable", `git ${args[0]} failed: ${why}`);
  }

  #git(args: readonly string[], source?: Source): Promise<CommandEnd & { stdout: string; stderr: string }> {
    const { credential, caFile, protocols } = source ?? {};
    const settings = credential && credentialSettings(credential);
    const env = {
      ...safeGitEnvironment({ ...(protocols ? { protocols } : {}), ...(settings ? { settings } : {}) }),
      ...(caFile === undefined ? {} : { GIT_SSL_CAINFO: caFile }),
      ...(source?.ssh === undefined ? {} : { GIT_SSH_COMMAND: source.ssh }),
      ...(source?.config === undefined ? {} : { GIT_CONFIG_GLOBAL: source.config }),
    };
    const command = { argv: ["git", ...args], env, readOnlyBinds: source?.binds ?? [] };
    if (!credential) return this.#runner.capture(command, LISTING_BYTES);
    // Nothing of the repository has run or been checked out when git speaks with its server.
    const argv = ["/bin/sh", "-c", FROM_INPUT, "sh", ...command.argv];
    return this.#runner.capture({ ...command, argv, stdin: credentialText(credential) }, LISTING_BYTES);
  }
}

/** Moves the input of a command to where git is told to look for its credential. */
const FROM_INPUT = `exec ${CREDENTIAL_FD}<&0 </dev/null; exec "$@"`;

interface Source {
  readonly url: string;
  readonly protocols: readonly string[];
  readonly binds: readonly { source: string; target?: string }[];
  readonly config?: string;
  readonly caFile?: string | undefined;
  readonly credential?: GitCredential | undefined;
  /** How ssh is called. */
  readonly ssh?: string;
}

/** The owner's key, shown to the commands that speak with the server and to no other. */
function keyOf({ ssh }: GitAccess): Pick<Source, "binds" | "ssh"> {
  if (!ssh) return { binds: [] };
  return { binds: [{ source: ssh.keyFile }, { source: ssh.knownHostsFile }], ssh: sshCommand(ssh) };
}

/** What another try does not mend is no fault of the infrastructure. */
function refuseWhere(stderr: string, source: Source | undefined): void {
  const kind = kindOfFailure(stderr);
  if (!source || source.protocols.includes("file") || (kind !== "GIT_AUTH" && kind !== "GIT_NOT_FOUND")) return;
  const secret = source.credential ? [{ name: "GIT_TOKEN", value: source.credential.password }] : [];
  const words = createRedactor(secret).redactText(stderr).trim().split("\n").slice(-3).join("; ").slice(0, 500);
  throw new GitFailure(kind, words);
}

/** `100644 blob <hash>\t<path>` */
function parseTreeLine(line: string): [path: string, hash: string] {
  const tab = line.indexOf("\t");
  return [line.slice(tab + 1), line.slice(0, tab).split(" ")[2] ?? ""];
}
