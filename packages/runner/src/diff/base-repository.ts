import { limit } from "@signalbox/protocol";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { safeGitEnvironment } from "../sandbox/safe-git-environment.ts";
import { WORKSPACE_PATH } from "../sandbox/sandbox.ts";
import type { CommandRunner } from "../workspace/git.ts";
import { DiffError } from "./diff-error.ts";

export interface BaseRepositorySettings {
  /** The folder of this repository, on this machine, beside the workspace and out of its agent's reach. */
  readonly directory: string;
  /** The workspace. */
  readonly tree: string;
  /** The commit that the workspace began from. */
  readonly base: string;
  /** Commands in `directory`, in the sandbox of the step, without network. */
  readonly commands: CommandRunner;
}

/**
 * A repository beside a workspace: it has the commit that the workspace began from, and an index of its own. Of the
 * workspace's `.git` it reads objects and nothing else, and checks their hashes as it takes them over: what an agent writes
 * there, hooks, filters, drivers or configuration, is not looked at, and cannot change what the base was.
 */
export class BaseRepository {
  readonly #settings: BaseRepositorySettings;
  readonly #inside: string;
  readonly #treeInside: string;
  #preparing: Promise<void> | undefined;

  constructor(settings: BaseRepositorySettings) {
    this.#settings = settings;
    const { isEnclosed } = settings.commands;
    this.#inside = isEnclosed ? WORKSPACE_PATH : settings.directory;
    this.#treeInside = isEnclosed ? TREE_PATH : settings.tree;
  }

  /** Takes the base over, once; the sooner, the less an agent can have lost of it. */
  async prepare(): Promise<void> {
    this.#preparing ??= this.#prepare();
    await this.#preparing.catch((error: unknown) => {
      this.#preparing = undefined;
      throw error;
    });
  }

  /** The workspace as a tree of git: all its files but those that it ignores. */
  async snapshot(): Promise<string> {
    await this.prepare();
    for (let failed: string | undefined, tries = 0; ; tries += 1) {
      const { exitCode, stderr } = await this.#run(["sh", "-c", ADD_ALL, "sh", this.#treeInside]);
      if (exitCode === 0) break;
      // What went away while it was being read, or is no file any more. It is looked at again, once.
      const path = UNREADABLE.exec(stderr)?.[1];
      if (path === undefined || (path === failed && tries > 1) || tries >= MAX_TRIES)
        throw failure("git cannot read the workspace", stderr);
      failed = path;
      await this.#run(this.#inTree("update-index", "--force-remove", "--", path));
    }
    await this.#addRepositories();
    return (await this.#must(["git", "write-tree"])).trim();
  }

  /** What of a tree differs from the base: `git diff-tree --raw --numstat -z`. */
  listing(tree: string): Promise<string> {
    return this.#must(diff(this.#settings.base, tree, "--raw", "--numstat", "--no-abbrev", "-z"), LISTING_BYTES);
  }

  /** The same as unified text, up to so many bytes. */
  text(tree: string, maxBytes: number): Promise<string> {
    const shown = ["--patch", "--full-index", "--unified=3", "--src-prefix=a/", "--dst-prefix=b/"];
    return this.#must(diff(this.#settings.base, tree, ...shown), maxBytes);
  }

  /** Writes the objects that a tree has and the base has not to a file; answers where it is. */
  async pack(tree: string): Promise<string> {
    await this.#must(["sh", "-c", PACK, "sh", tree, this.#settings.base]);
    return join(this.#settings.directory, `${tree}.pack`);
  }

  async #prepare(): Promise<void> {
    const { directory, base } = this.#settings;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const note = join(directory, "base");
    if ((await readFile(note, "utf8").catch(() => "")) === base) return;
    const format = base.length === SHA256_LENGTH ? "sha256" : "sha1";
    const { exitCode, stderr } = await this.#run(["sh", "-c", TAKE_BASE, "sh", this.#treeInside, base, format]);
    if (exitCode !== 0) throw failure("the commit that the workspace began from cannot be read", stderr);
    await writeFile(note, base);
  }

  /** Repositories inside the workspace stand in it by their commit, as submodules do. */
  async #addRepositories(): Promise<void> {
    const others = await this.#must(this.#inTree("ls-files", "-z", "--others", "--exclude-standard"), LISTING_BYTES);
    const found = others.split("\0").filter((path) => path.endsWith("/") && !path.includes("\ufffd"));
    for (const path of found.slice(0, limit("diff.files"))) {
      // One without a commit has nothing to stand by.
      await this.#run(this.#inTree("update-index", "--add", "--replace", "--", path.slice(0, -1)));
    }
  }

  #inTree(...args: readonly string[]): string[] {
    return ["git", "-C", this.#treeInside, `--work-tree=${this.#treeInside}`, ...args];
  }

  async #must(argv: readonly string[], maxBytes?: number): Promise<string> {
    const { exitCode, stdout, stderr } = await this.#run(argv, maxBytes);
    if (exitCode !== 0) throw failure("git cannot compare the workspace", stderr);
    return stdout;
  }

  #run(argv: readonly string[], maxBytes?: number) {
    const { commands, tree } = this.#settings;
    const env = { ...safeGitEnvironment({ protocols: ["none"] }), ...OWN_ENVIRONMENT, GIT_DIR: this.#inside };
    const readOnlyBinds = commands.isEnclosed ? [{ source: tree, target: TREE_PATH }] : [];
    return commands.capture({ argv, env, readOnlyBinds }, maxBytes);
  }
}

/** Where the workspace is seen inside the sandbox, and cannot be changed. */
const TREE_PATH = "/run/tree";
const LISTING_BYTES = 268_435_456;
const SHA256_LENGTH = 64;
const MAX_TRIES = 10;
const UNREADABLE = /^fatal: Unable to process path (.*)$/m;
const OWN_ENVIRONMENT = { GIT_ATTR_NOSYSTEM: "1", XDG_CONFIG_HOME: "/dev/null", GIT_OPTIONAL_LOCKS: "0" };

/**
 * Arguments: the workspace, the commit, the format of its repository. Only this commit is taken, without those before it.
 * The pack is built anew from the workspace's objects, and indexed by what their content hashes to; without a look for deltas,
 * which takes longest, as it goes nowhere.
 */
const TAKE_BASE = `set -e
git init --quiet --bare --object-format="$3" "$GIT_DIR"
printf '%s\\n' "$2" >"$GIT_DIR/shallow"
printf '%s\\n' "$2" | GIT_ALTERNATE_OBJECT_DIRECTORIES="$1/.git/objects" \\
  git -c core.compression=1 pack-objects --revs --window=0 --stdout -q |
  git index-pack --stdin >/dev/null
git rev-list --objects "$2" >/dev/null
git read-tree "$2"`;

/** Without `git add`, which asks repositories inside the workspace how they stand, and runs what they configure. */
const ADD_ALL = `git -C "$1" --work-tree="$1" ls-files -z --cached --others --exclude-standard |
  git -C "$1" --work-tree="$1" update-index -z --add --remove --replace --stdin`;

const PACK = `printf '%s\\n^%s\\n' "$1" "$2" | git pack-objects --revs --stdout -q >"$GIT_DIR/$1.pack"`;

/**
 * Without a working tree, git heeds no attributes: a file cannot say of itself, or of others, that it is binary and need not
 * be shown.
 */
function diff(base: string, tree: string, ...how: readonly string[]): string[] {
  const safe = ["--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--submodule=short"];
  return ["git", "-c", "core.quotePath=true", "diff-tree", "-r", ...safe, ...how, base, tree, "--"];
}

function failure(what: string, stderr: string): DiffError {
  const why = stderr.trim().split("\n").slice(-2).join("; ").slice(0, 500);
  return new DiffError(why === "" ? what : `${what}: ${why}`);
}
