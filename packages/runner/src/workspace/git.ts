import type { Repository } from "@signalbox/protocol";
import { fileURLToPath } from "node:url";

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

  constructor(runner: CommandRunner, trustingConfig: string) {
    this.#runner = runner;
    this.#trustingConfig = trustingConfig;
  }

  /** Fetches a repository into the empty folder and checks it out; answers the commit. */
  async clone(repo: Repository, commit: string | undefined): Promise<string> {
    const source = this.#sourceOf(repo);
    const wanted = commit ?? repo.commit ?? repo.branch ?? "HEAD";
    await this.#must(["init", "--quiet"]);
    await this.#must(["remote", "add", "--", "origin", source.url]);
    const fetch = ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules"];
    const isShallow = await this.#does([...fetch, "--depth", DEPTH, "--", "origin", wanted], source);
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

  #sourceOf({ url }: Repository): Source {
    if (!url.toLowerCase().startsWith("file:")) return { url, protocols: ["https", "ssh"], binds: [] };
    const path = fileURLToPath(url);
    const trusting = { source: this.#trustingConfig };
    if (!this.#runner.isEnclosed)
      return { url: `file://${path}`, protocols: ["file"], binds: [], config: trusting.source };
    const binds = [{ source: path, target: REPOSITORY_PATH }, trusting];
    return { url: `file://${REPOSITORY_PATH}`, protocols: ["file"], binds, config: trusting.source };
  }

  async #does(args: readonly string[], source?: Source): Promise<boolean> {
    return (await this.#git(args, source)).exitCode === 0;
  }

  async #must(args: readonly string[], source?: Source): Promise<string> {
    const { exitCode, stdout, stderr } = await this.#git(args, source);
    if (exitCode === 0) return stdout;
    const why = stderr.trim().split("\n").slice(-3).join("; ").slice(0, 500);
    throw new StepError("workspace_unavailable", `git ${args[0]} failed: ${why}`);
  }

  #git(args: readonly string[], source?: Source): Promise<CommandEnd & { stdout: string; stderr: string }> {
    const env = {
      ...safeGitEnvironment(source ? { protocols: source.protocols } : {}),
      ...(source?.config === undefined ? {} : { GIT_CONFIG_GLOBAL: source.config }),
    };
    return this.#runner.capture({ argv: ["git", ...args], env, readOnlyBinds: source?.binds ?? [] }, LISTING_BYTES);
  }
}

interface Source {
  readonly url: string;
  readonly protocols: readonly string[];
  readonly binds: readonly { source: string; target?: string }[];
  readonly config?: string;
}

/** `100644 blob <hash>\t<path>` */
function parseTreeLine(line: string): [path: string, hash: string] {
  const tab = line.indexOf("\t");
  return [line.slice(tab + 1), line.slice(0, tab).split(" ")[2] ?? ""];
}
