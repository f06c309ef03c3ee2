import { execFile } from "node:child_process";

import { safeGitEnvironment } from "../sandbox/safe-git-environment.ts";
import { StepError } from "../supervisor/step-error.ts";

export interface PublishGitSettings {
  /** A folder of the runner's own, empty at first. */
  readonly directory: string;
  readonly remote: string;
  readonly path: string;
  /** Of this machine: where ssh finds its keys. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The value of an Authorization header for the remote, and the URL that it is for. */
  readonly authorization: { readonly url: string; readonly header: string } | undefined;
  readonly signal: AbortSignal;
}

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
    const { isDone } = await this.#git([...fetch, "--depth", "1", "--", remote, base]);
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
    const { isDone, stderr } = await this.#git([
      "push",
      "--quiet",
      "--no-verify",
      "--",
      remote,
      `${commit}:refs/heads/${branch}`,
    ]);
    if (!isDone) throw new StepError("tool_failure", `the branch ${branch} was not taken: ${lastWords(stderr)}`);
  }

  async #must(args: readonly string[], inputFile?: string, env?: Readonly<Record<string, string>>): Promise<string> {
    const { isDone, stdout, stderr } = await this.#git(args, inputFile, env);
    if (!isDone) throw new StepError("tool_failure", `git ${args[0]} failed: ${lastWords(stderr)}`);
    return stdout;
  }

  #git(
    args: readonly string[],
    inputFile?: string,
    env: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly isDone: boolean; readonly stdout: string; readonly stderr: string }> {
    const { directory, path, environment, signal } = this.#settings;
    const { HOME = directory, SSH_AUTH_SOCK } = environment;
    const all = {
      PATH: path,
      HOME,
      LANG: "C.UTF-8",
      ...(SSH_AUTH_SOCK === undefined ? {} : { SSH_AUTH_SOCK }),
      ...this.#safe(),
      ...env,
    };
    return new Promise((resolve, reject) => {
      // The input comes from a file by the shell: a pack may be larger than what should go through here.
      const [program, argv] =
        inputFile === undefined
          ? ["git", args]
          : ["/bin/sh", ["-c", 'file="$1"; shift; exec git "$@" <"$file"', "sh", inputFile, ...args]];
      const options = { cwd: directory, env: all, signal, maxBuffer: 16_777_216, encoding: "utf8" } as const;
      execFile(program, argv, options, (error, stdout, stderr) => {
        if (error?.name === "AbortError") reject(error);
        else resolve({ isDone: error === null, stdout, stderr });
      });
    });
  }

  /** The credential goes in by the environment: arguments can be read by every user of the machine. */
  #safe(): Record<string, string> {
    const { authorization, directory, remote } = this.#settings;
    const isFile = remote.toLowerCase().startsWith("file:");
    const safe = safeGitEnvironment({ protocols: isFile ? ["file"] : ["https", "ssh"] });
    if (!authorization) return { ...safe, GIT_DIR: directory };
    const count = Number(safe["GIT_CONFIG_COUNT"]);
    return {
      ...safe,
      GIT_DIR: directory,
      GIT_CONFIG_COUNT: String(count + 2),
      [`GIT_CONFIG_KEY_${count}`]: `http.${authorization.url}.extraHeader`,
      [`GIT_CONFIG_VALUE_${count}`]: `Authorization: ${authorization.header}`,
      [`GIT_CONFIG_KEY_${count + 1}`]: "http.followRedirects",
      [`GIT_CONFIG_VALUE_${count + 1}`]: "false",
    };
  }
}

function lastWords(stderr: string): string {
  return stderr.trim().split("\n").slice(-3).join("; ").slice(0, 1_000);
}
