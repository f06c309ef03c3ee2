import { limit, type AttemptResult, type WorkspaceManifest } from "@signalbox/protocol";
import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { BlobClient } from "../link/blob-client.ts";
import type { WorkspaceView } from "../tools/tool.ts";
import { BaseRepository } from "../diff/base-repository.ts";
import { WorkspaceDiff, type WorkspaceDiffSettings } from "../diff/workspace-diff.ts";
import { decodeBase, encodeBase, type BaseState } from "./base-state.ts";
import { findChanges } from "./find-changes.ts";
import type { CommandRunner, Git } from "./git.ts";
import { inParallel } from "../in-parallel.ts";
import { leftOut } from "./left-out.ts";
import { applyChanges, encodeManifest } from "./manifests.ts";
import { isFolderInside, openLinked, openSafely, readSafely, type SafeFile } from "./safe-file.ts";
import { scanTree } from "./scan-tree.ts";
import type { WorkspaceCopy, WorkspaceVersion } from "./workspace-copy.ts";

/** What a step left behind, as its result names it. */
export interface Collected {
  readonly changes: AttemptResult["changes"];
  readonly artifacts: AttemptResult["artifacts"];
  /** Things in the workspace that could not be kept. */
  readonly unkept: number;
}

export interface WorkspaceSettings {
  readonly copy: WorkspaceCopy;
  readonly base: BaseState | "on-disk";
  readonly version: WorkspaceVersion;
  readonly blobs: BlobClient;
  /** Git in this workspace; undefined when it was not made from a repository. */
  readonly git: Git | undefined;
  /** The folder as the step sees it. */
  readonly pathInside: string;
}

/** A file's text is read up to here: configuration is small. */
const TEXT_BYTES = 1_048_576;

/** A folder that one attempt works in. */
export class Workspace implements WorkspaceView {
  readonly directory: string;
  readonly pathInside: string;
  readonly commit: string | undefined;
  readonly #settings: WorkspaceSettings;
  readonly #kept = new Map<string, string>();

  constructor(settings: WorkspaceSettings) {
    this.#settings = settings;
    this.directory = settings.copy.tree;
    this.pathInside = settings.pathInside;
    this.commit = settings.version.commit ?? undefined;
  }

  async list(folder = ""): Promise<readonly string[]> {
    return readdir(join(this.directory, folder)).catch(() => []);
  }

  async read(path: string): Promise<string | undefined> {
    return textOf(await openSafely(this.directory, path));
  }

  async follow(path: string): Promise<string | undefined> {
    return textOf(await openLinked(this.directory, path));
  }

  /** How it differs from the commit that it was made from; undefined when it was made from none. */
  diff({
    commandsIn,
    ...rest
  }: Pick<WorkspaceDiffSettings, "redact" | "stop"> & {
    readonly commandsIn: (folder: string) => CommandRunner;
  }): WorkspaceDiff | undefined {
    const { copy, blobs, version } = this.#settings;
    const { commit: base } = version;
    if (base === null) return undefined;
    const directory = join(copy.directory, "base");
    const commands = commandsIn(directory);
    const repository = new BaseRepository({ directory, tree: this.directory, base, commands });
    return new WorkspaceDiff({ repository, base, blobs, ...rest });
  }

  /** Finds and sends what the step changed, and the files that it declares. Nothing may run in the workspace any more. */
  async collect(request: {
    withChanges: boolean;
    artifacts: readonly string[];
    signal: AbortSignal;
  }): Promise<Collected> {
    const { withChanges, artifacts, signal } = request;
    const kept = withChanges ? await this.#collectChanges(signal) : { changes: undefined, unkept: 0 };
    return { ...kept, artifacts: await this.#collectArtifacts(artifacts, signal) };
  }

  /** Sends blobs again that the control plane lacks; those whose file has changed since are passed over. */
  async resend(sha256s: readonly string[], signal: AbortSignal): Promise<void> {
    for (const sha256 of sha256s) {
      const path = this.#kept.get(sha256);
      if (path !== undefined) await this.#send(path, sha256, signal);
    }
  }

  async #collectChanges(signal: AbortSignal): Promise<Pick<Collected, "changes" | "unkept">> {
    const { copy, git, version } = this.#settings;
    const base = await this.#base();
    const scannedAtMs = Date.now();
    const tree = await scanTree(this.directory, leftOut(await git?.ignored()));
    const commitFiles = async (): Promise<ReadonlyMap<string, string>> =>
      (await git?.filesOf(version.commit ?? "HEAD")) ?? new Map();
    const { changes, files, unkept } = await findChanges({ root: this.directory, base, tree, commitFiles });
    const isChanged = changes.written.length + changes.deleted.length > 0;
    const manifest = isChanged ? applyChanges(base.manifest, changes) : base.manifest;
    const [encoded] = await Promise.all([
      isChanged ? this.#sendChanges(encodeManifest(changes), changes.written, signal) : undefined,
      writeFile(copy.stateFile, encodeBase({ manifest, files, scannedAtMs })),
    ]);
    copy.setNext({ ...version, ...versionOf(manifest) });
    return {
      changes: encoded && { sha256: encoded.sha256, files: changes.written.length + changes.deleted.length },
      unkept,
    };
  }

  async #sendChanges(
    encoded: { sha256: string; text: string },
    written: readonly { path: string; sha256: string }[],
    signal: AbortSignal,
  ): Promise<{ sha256: string }> {
    await inParallel(written, ({ path, sha256 }) => this.#send(path, sha256, signal));
    const content = Buffer.from(encoded.text);
    await this.#settings.blobs.put(
      { sha256: encoded.sha256, bytes: content.length, open: () => once(content) },
      signal,
    );
    return encoded;
  }

  async #collectArtifacts(paths: readonly string[], signal: AbortSignal): Promise<AttemptResult["artifacts"]> {
    const files = (await Promise.all([...new Set(paths)].map((path) => this.#filesAt(path)))).flat();
    const found = await inParallel([...new Set(files)].sort().slice(0, MAX_ARTIFACTS), async (path) => {
      await using file = await openSafely(this.directory, path);
      if (!file || file.bytes > limit("blob.bytes")) return undefined;
      const hash = createHash("sha256");
      for await (const chunk of readSafely(file)) hash.update(chunk);
      const sha256 = hash.digest("hex");
      await this.#send(path, sha256, signal);
      return { path, sha256, bytes: file.bytes };
    });
    return found.filter((artifact) => artifact !== undefined);
  }

  /** A path that names a folder stands for the files in it. */
  async #filesAt(path: string): Promise<string[]> {
    await using file = await openSafely(this.directory, path);
    if (file) return [path];
    if (!(await isFolderInside(this.directory, path))) return [];
    const { files } = await scanTree(join(this.directory, path), leftOut(undefined));
    return [...files.keys()].map((name) => `${path}/${name}`);
  }

  async #send(path: string, sha256: string, signal: AbortSignal): Promise<void> {
    if (this.#kept.has(sha256)) return;
    this.#kept.set(sha256, path);
    const { blobs } = this.#settings;
    await using file = await openSafely(this.directory, path);
    if (!file) return;
    if (file.bytes > HEAD_FROM_BYTES && (await blobs.has(sha256, signal))) return;
    await blobs.put({ sha256, bytes: file.bytes, open: () => readSafely(file) }, signal);
  }

  /** Loaded only here: a step that starts need not wait for it. */
  async #base(): Promise<BaseState> {
    const { base, copy } = this.#settings;
    return base === "on-disk" ? decodeBase(await readFile(copy.stateFile, "utf8")) : base;
  }

  /** The step is over, and its attempt too: the folder can be used again. */
  release(): void {
    this.#settings.copy.release();
  }
}

const MAX_ARTIFACTS = 1_000;
/** Below, asking whether a blob is there costs more than sending it. */
const HEAD_FROM_BYTES = 65_536;

async function textOf(opened: SafeFile | undefined): Promise<string | undefined> {
  await using file = opened;
  if (!file || file.bytes > TEXT_BYTES) return undefined;
  const chunks: Buffer[] = [];
  for await (const chunk of readSafely(file)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function* once(content: Buffer): AsyncGenerator<Buffer> {
  yield content;
}

/** What a next step's base must equal for this workspace to be it. */
export function versionOf(manifest: WorkspaceManifest): Pick<WorkspaceVersion, "manifest" | "isPristine"> {
  const isPristine = manifest.files.length + manifest.deleted.length === 0;
  return { manifest: encodeManifest(manifest).sha256, isPristine };
}
