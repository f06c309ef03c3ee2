import type { PublishInputs, PublishOutputs } from "@signalbox/protocol";
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { setTimeout } from "node:timers/promises";

import { readToken, type GitAccess } from "../git-access/git-access.ts";
import type { BlobClient } from "../link/blob-client.ts";
import { matchesAny } from "../policy/matches-pattern.ts";
import type { RunnerPolicy } from "../policy/policy.ts";
import { StepError } from "../supervisor/step-error.ts";
import { PublishGit, type PlannedCommit } from "./publish-git.ts";
import { PublishSettingsSchema, type PublishSettings, type PublishSettingsInput } from "./publish-settings.ts";
import { PullRequests, type PullRequestsSettings } from "./pull-requests.ts";

export interface PublisherSettings {
  readonly settings: PublishSettings;
  readonly access: GitAccess;
  /** For its work; empty between two publications. */
  readonly directory: string;
  readonly blobs: Pick<BlobClient, "get">;
  readonly path: string;
  readonly hostEnvironment: Readonly<Record<string, string | undefined>>;
  /** Default the machine's clock. */
  readonly now?: () => number;
  readonly wait?: PullRequestsSettings["wait"];
  readonly policy: Pick<RunnerPolicy, "allowFileRepositories" | "network">;
}

/** What is pushed: nothing but this tree. */
export type PublishOrder = Pick<
  PublishInputs,
  "remote" | "base" | "tree" | "pack" | "branch" | "message" | "pullRequest"
> &
  Pick<PlannedCommit, "committedAt">;

/**
 * Publishes what was approved: makes the commit of exactly that tree, pushes it to its branch and opens the pull request.
 * Every part finds what an earlier try has done, so that a try after a crash goes on where that one was.
 */
export class Publisher {
  readonly #settings: PublisherSettings;

  constructor(settings: PublisherSettings) {
    this.#settings = settings;
  }

  /** Whether pull requests can be opened for a repository. */
  opensPullRequests(remote: string): boolean {
    const { github } = this.#settings.settings;
    return github !== undefined && (github.repositories[remote] ?? repositoryIn(remote, github.host)) !== undefined;
  }

  /** Throws a `StepError` that says why not. `say` tells what is being done. */
  async publish(
    inputs: PublishOrder,
    {
      id,
      signal,
      say,
    }: { readonly id: string; readonly signal: AbortSignal; readonly say: (text: string) => Promise<void> },
  ): Promise<PublishOutputs> {
    const { remote, branch, pullRequest } = inputs;
    this.#requireAllowed(inputs);
    const token = pullRequest === null ? undefined : await this.#token();
    const directory = join(this.#settings.directory, id);
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory, { recursive: true, mode: 0o700 });
    try {
      const git = await this.#git(directory, remote, signal);
      const commit = await this.#push(git, directory, inputs, { signal, say });
      if (pullRequest === null) return { remote, branch, commit, pullRequest: null };
      const opened = await this.#pullRequests(remote, token, signal).open(branch, pullRequest);
      await say(`pull request ${opened.number}: ${opened.url}\n`);
      return { remote, branch, commit, pullRequest: opened };
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  async #push(
    git: PublishGit,
    directory: string,
    { base, tree, pack, branch, message, committedAt }: PublishOrder,
    { signal, say }: { readonly signal: AbortSignal; readonly say: (text: string) => Promise<void> },
  ): Promise<string> {
    const { author, protectedBranches } = this.#settings.settings;
    await git.begin(base);
    const file = join(directory, "approved.pack");
    await this.#fetchPack(pack.sha256, file, signal);
    await git.unpack(file, tree);
    const commit = await git.commit({ tree, base, message, committedAt, author });
    const there = await git.look(branch);
    if (branch === there.defaultBranch || matchesAny(protectedBranches, branch))
      throw new StepError("policy_refused", `the branch ${branch} is protected; choose another`);
    if (there.commit === commit) await say(`${branch} is at ${commit} already\n`);
    else {
      await git.push(commit, branch);
      await say(`pushed ${commit} to ${branch}\n`);
    }
    return commit;
  }

  #requireAllowed({ remote, branch, pullRequest }: PublishOrder): void {
    const { settings, policy } = this.#settings;
    if (policy.network === "none")
      throw new StepError("policy_refused", "this machine's owner lets no step reach the network");
    if (!matchesAny(settings.remotes, remote))
      throw new StepError("policy_refused", `this machine's owner does not let anything be published to ${remote}`);
    if (remote.toLowerCase().startsWith("file:") && !policy.allowFileRepositories)
      throw new StepError("policy_refused", "this machine's owner does not allow repositories on its own disk");
    if (matchesAny(settings.protectedBranches, branch))
      throw new StepError("policy_refused", `the branch ${branch} is protected; choose another`);
    if (pullRequest !== null) this.#repositoryOf(remote);
  }

  async #git(directory: string, remote: string, signal: AbortSignal): Promise<PublishGit> {
    const { path, hostEnvironment: environment, access, settings } = this.#settings;
    const { host, tokenFile } = settings.github ?? {};
    const own =
      host === undefined || tokenFile === undefined
        ? undefined
        : { url: `https://${host}/`, username: "x-access-token", tokenFile };
    const credential = await access.credentialFor(remote, own);
    const { caFile, ssh } = access;
    return new PublishGit({ directory, remote, path, environment, credential, caFile, ssh, signal });
  }

  #pullRequests(remote: string, token: string | undefined, signal: AbortSignal): PullRequests {
    const { apiUrl } = this.#settings.settings.github ?? {};
    if (apiUrl === undefined || token === undefined) throw noHost();
    const { now = () => Date.now(), wait = waitFor } = this.#settings;
    return new PullRequests({ apiUrl, token, signal, now, wait, repository: this.#repositoryOf(remote) });
  }

  /** Asked before anything is pushed: a branch without its pull request is half a thing. */
  #repositoryOf(remote: string): string {
    const { github } = this.#settings.settings;
    if (!github) throw noHost();
    const repository = github.repositories[remote] ?? repositoryIn(remote, github.host);
    if (repository !== undefined) return repository;
    throw new StepError("policy_refused", `${remote} is no repository of ${github.host}, so it has no pull requests`);
  }

  async #token(): Promise<string | undefined> {
    const { github } = this.#settings.settings;
    if (!github) return undefined;
    return readToken(github.tokenFile);
  }

  async #fetchPack(sha256: string, file: string, signal: AbortSignal): Promise<void> {
    const hash = createHash("sha256");
    const content = await this.#settings.blobs.get(sha256, signal);
    await pipeline(
      content,
      async function* (chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) {
          hash.update(chunk);
          yield chunk;
        }
      },
      createWriteStream(file, { mode: 0o600 }),
      { signal },
    );
    if (hash.digest("hex") !== sha256)
      throw new StepError("envelope_mismatch", "the objects arrived with another content than was approved");
  }
}

/** Undefined where the owner lets nothing be published. */
export function publisherOf(
  input: PublishSettingsInput | undefined,
  rest: Omit<PublisherSettings, "settings">,
): Publisher | undefined {
  return input && new Publisher({ ...rest, settings: PublishSettingsSchema.parse(input) });
}

async function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal });
}

function noHost(): StepError {
  return new StepError("missing_dependency", "this machine's owner has configured no host for pull requests (github)");
}

/** `owner/name` of a URL of the host: `https://host/owner/name.git`, `ssh://git@host/owner/name`, `git@host:owner/name`. */
function repositoryIn(remote: string, host: string): string | undefined {
  const path = remote.includes("://") ? afterHost(remote, host) : afterColon(remote, host);
  const match = /^([\w.-]+)\/([\w.-]+?)(?:\.git)?\/?$/.exec(path ?? "");
  return match ? `${match[1]}/${match[2]}` : undefined;
}

function afterHost(remote: string, host: string): string | undefined {
  const url = URL.parse(remote);
  return url?.hostname === host ? url.pathname.slice(1) : undefined;
}

function afterColon(remote: string, host: string): string | undefined {
  const colon = remote.indexOf(":");
  return remote.slice(0, colon).endsWith(`@${host}`) ? remote.slice(colon + 1) : undefined;
}
