import { credentialSettings, credentialText } from "../git-access/credential-on-fd.ts";
import type { GitAccessSettings } from "../git-access/git-access-settings.ts";
import type { GitCredential } from "../git-access/git-access.ts";
import { sshCommand } from "../git-access/ssh-command.ts";
import { createRedactor } from "../redaction/redactor.ts";
import { safeGitEnvironment } from "../sandbox/safe-git-environment.ts";
import { StepError } from "../supervisor/step-error.ts";
import { GitFailure, kindOfFailure, type GitFailureKind } from "../git-access/git-failure.ts";
import { runGit, type GitEnd } from "./run-git.ts";

export interface PublishGitSettings {
  /** A folder of the runner's own, empty at first. */
  readonly directory: string;
  readonly remote: string;
  readonly path: string;
  /** Of this machine: where ssh finds its keys. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Given to git on a file descriptor. */
  readonly credential: GitCredential | undefined;
  readonly caFile: string | undefined;
  readonly ssh: GitAccessSettings["ssh"];
  readonly signal: AbortSignal;
}

/** What a server says that has the repository, and does not give out this commit by its name. */
const MAY_HAVE_MORE: ReadonlySet<GitFailureKind> = new Set(["GIT_FAILED", "GIT_UNREACHABLE"]);

/** A commit to be made. */
export interface PlannedCommit {
  readonly tree: string;
  readonly base: string;
  readonly message: string;
  /** Null: when the base was committed, so that a repetition makes the same commit. */
  readonly committedAt: string | null;
  readonly author: { readonly name: string; readonly email: string };
}

/**
 * Git outside every sandbox, for there the credential of the machine is. It works in a bare repository that this class made,
 * on objects whose hashes it checked; nothing of a workspace is read, checked out or run.
 */
export class PublishGit {
  readonly #settings: PublishGitSettings;

  constructor(settings: PublishGitSettings) {
    this.#settings = settings;
  }

  /** Fetches the commit that the change is to stand on; the remote must have it. */
  async begin(base: string): Promise<void> {
    const { remote } = this.#settings;
    const format = base.length === 64 ? "sha256" : "sha1";
    await this.#must(["init", "--quiet", "--bare", `--object-format=${format}`]);
    const fetch = ["fetch", "--quiet", "--no-tags"];
    const { isDone, stderr } = await this.#git([...fetch, "--depth", "1", "--", remote, base]);
    if (!isDone && !MAY_HAVE_MORE.has(kindOfFailure(stderr))) throw this.#failure(stderr);
    // Some servers give only what a branch points to; then the whole history is needed to find a commit.
    if (!isDone) await this.#must([...fetch, "--", remote, "+refs/heads/*:refs/remotes/origin/*"]);
    await this.#must(["cat-file", "-e", `${base}^{commit}`]);
  }

  /** Takes the objects of a tree; refuses when they are not those of this tree. */
  async unpack(pack: string, tree: string): Promise<void> {
    await this.#must(["unpack-objects", "-q"], pack);
    const { isDone } = await this.#git(["rev-list", "--objects", "--quiet", tree]);
    if (!isDone) throw new StepError("envelope_mismatch", `the objects that were sent are not those of tree ${tree}`);
  }

  /** The same commit makes the same id, however often it is made. */
  async commit({ tree, base, message, committedAt, author }: PlannedCommit): Promise<string> {
    const seconds =
      committedAt === null
        ? (await this.#must(["show", "--no-patch", "--format=%ct", base])).trim()
        : Math.floor(Date.parse(committedAt) / 1_000);
    const date = `${seconds} +0000`;
    const env = {
      GIT_AUTHOR_NAME: author.name,
      GIT_AUTHOR_EMAIL: author.email,
      GIT_AUTHOR_DATE: date,
      GIT_COMMITTER_NAME: author.name,
      GIT_COMMITTER_EMAIL: author.email,
      GIT_COMMITTER_DATE: date,
    };
    return (await this.#must(["commit-tree", tree, "-p", base, "-m", message], undefined, env)).trim();
  }

  /** What the remote has: the commit of a branch, and the name of its default branch. */
  async look(
    branch: string,
  ): Promise<{ readonly commit: string | undefined; readonly defaultBranch: string | undefined }> {
    const { remote } = this.#settings;
    const ref = `refs/heads/${branch}`;
    const listed = (await this.#must(["ls-remote", "--symref", "--", remote, "HEAD", ref])).split("\n");
    const head = listed.find((row) => row.startsWith("ref: ") && row.endsWith("\tHEAD"));
    const found = listed.find((row) => row.endsWith(`\t${ref}`));
    return {
      commit: found?.split("\t")[0],
      defaultBranch: head?.slice("ref: refs/heads/".length, -"\tHEAD".length),
    };
  }

  /** Never by force: a branch that has other commits keeps them, and the push is refused. */
  async push(commit: string, branch: string): Promise<void> {
    const { remote } = this.#settings;
    await this.#must(["push", "--porcelain", "--no-verify", "--", remote, `${commit}:refs/heads/${branch}`]);
  }

  /** What only looks at this machine fails as a tool; what speaks with the remote says how that refused. */
  async #must(args: readonly string[], inputFile?: string, env?: Readonly<Record<string, string>>): Promise<string> {
    const { isDone, stdout, stderr } = await this.#git(args, inputFile, env);
    if (isDone) return stdout;
    throw this.#failure(`${stdout}\n${stderr}`);
  }

  async #git(args: readonly string[], inputFile?: string, env: Readonly<Record<string, string>> = {}): Promise<GitEnd> {
    const { directory, path, environment, credential, signal } = this.#settings;
    const { HOME = directory, SSH_AUTH_SOCK } = environment;
    const all = {
      PATH: path,
      HOME,
      LANG: "C.UTF-8",
      ...(SSH_AUTH_SOCK === undefined ? {} : { SSH_AUTH_SOCK }),
      ...this.#safe(),
      ...env,
    };
    const secret = credential && credentialText(credential);
    return runGit({ args, directory, environment: all, inputFile, secret, signal });
  }

  #safe(): Record<string, string> {
    const { credential, caFile, ssh, directory, remote } = this.#settings;
    const isFile = remote.toLowerCase().startsWith("file:");
    // A token is for the server that the owner wrote it down for, not for one that this sends us on to.
    const settings = credential ? { ...credentialSettings(credential), "http.followRedirects": "false" } : {};
    return {
      ...safeGitEnvironment({ protocols: isFile ? ["file"] : ["https", "ssh"], settings }),
      GIT_DIR: directory,
      ...(caFile === undefined ? {} : { GIT_SSL_CAINFO: caFile }),
      ...(ssh ? { GIT_SSH_COMMAND: sshCommand(ssh) } : {}),
    };
  }

  #failure(output: string): GitFailure {
    const { credential } = this.#settings;
    const redactor = createRedactor(credential ? [{ name: "GIT_TOKEN", value: credential.password }] : []);
    return new GitFailure(kindOfFailure(output), lastWords(redactor.redactText(output)));
  }
}

function lastWords(output: string): string {
  const lines = output
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && line !== "Done");
  return lines.slice(-6).join("; ").slice(0, 1_000);
}
