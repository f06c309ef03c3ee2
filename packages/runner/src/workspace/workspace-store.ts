import { OpaqueIdSchema, type Envelope, type WorkspaceManifest } from "@signalbox/protocol";
import { mkdir, readdir, readFile, rmdir, stat, statfs, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import type { GitAccess } from "../git-access/git-access.ts";
import type { BlobClient } from "../link/blob-client.ts";
import type { Logger } from "../logger.ts";
import type { Clock } from "../process/clock.ts";
import type { BaseState } from "./base-state.ts";
import { chooseLeftovers, type WorkspaceLimits } from "./choose-leftovers.ts";
import { Git, type CommandRunner } from "./git.ts";
import { leftOut } from "./left-out.ts";
import { emptyManifest, encodeManifest } from "./manifests.ts";
import { applyManifest, fetchManifest } from "./materialise.ts";
import { scanTree } from "./scan-tree.ts";
import { WorkspaceCopy, type WorkspaceVersion } from "./workspace-copy.ts";
import { versionOf, Workspace } from "./workspace.ts";

export interface WorkspaceStoreSettings {
  /** All workspaces of this runner are in here, and nothing else. */
  readonly directory: string;
  readonly blobs: BlobClient;
  /** How private repositories are read. */
  readonly access: GitAccess;
  readonly limits: WorkspaceLimits;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface WorkspaceRequest {
  readonly envelope: Envelope;
  readonly signal: AbortSignal;
  /** Commands in a folder, in the sandbox of the step, with network where `needsNetwork`. */
  readonly commandsIn: (folder: string, needsNetwork: boolean) => CommandRunner;
  /** Where the step sees its workspace, given the folder on this machine. */
  readonly pathInside: (folder: string) => string;
}

/** The workspaces of this machine: `<run>/<copy>/tree`. A copy is used by one attempt at a time. */
export class WorkspaceStore {
  readonly #settings: WorkspaceStoreSettings;
  readonly #runs = new Map<string, WorkspaceCopy[]>();
  #boot = "";

  constructor(settings: WorkspaceStoreSettings) {
    this.#settings = settings;
  }

  /** Takes stock of what is there from before. */
  async open(): Promise<void> {
    const { directory } = this.#settings;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await writeFile(this.#trustingConfig, "[safe]\n\tdirectory = *\n");
    this.#boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => String(process.pid));
    for (const run of await foldersIn(directory)) {
      const copies = (await foldersIn(join(directory, run))).map(async (name) => {
        const folder = join(directory, run, name);
        return WorkspaceCopy.load(folder, (await stat(folder)).mtimeMs);
      });
      this.#runs.set(run, await Promise.all(copies));
    }
  }

  /** A workspace that holds exactly what the envelope says; the folder is the caller's until it is released. */
  async acquire(request: WorkspaceRequest): Promise<Workspace> {
    const run = OpaqueIdSchema.parse(request.envelope.runId);
    const ready = await this.#findReady(run, request);
    if (ready) return ready;
    const copy = await this.#makeCopy(run);
    try {
      return await this.#fill(copy, request);
    } catch (error) {
      copy.release();
      await this.#remove(run, copy);
      throw error;
    }
  }

  /** Removes what nobody needs any more. */
  async clean(): Promise<void> {
    const { clock, limits, directory, logger } = this.#settings;
    const disk = await statfs(directory);
    const copies = [...this.#runs].flatMap(([run, all]) => all.map((copy) => Object.assign(copy, { run })));
    const chosen = chooseLeftovers({
      copies,
      limits,
      nowMs: clock.now(),
      freePercent: (100 * disk.bavail) / disk.blocks,
    });
    // One of them may have been taken while another was being removed.
    for (const copy of chosen) if (!copy.isInUse) await this.#remove(copy.run, copy);
    if (chosen.length > 0) logger.info({ removed: chosen.length }, "workspaces of earlier runs removed");
  }

  get #trustingConfig(): string {
    return join(dirname(this.#settings.directory), "git-trust-all.config");
  }

  /** A folder of the run that is at the base already. Taken before anything is awaited, or two steps might take one. */
  async #findReady(run: string, request: WorkspaceRequest): Promise<Workspace | undefined> {
    const { repo, baseManifest } = request.envelope;
    const idle = (this.#runs.get(run) ?? []).filter(
      ({ version }) => version?.boot === this.#boot && version.repository === (repo?.url ?? null),
    );
    const fits = (copy: WorkspaceCopy, sha256: string | null): boolean => {
      const { version } = copy;
      return sha256 === null
        ? version?.isPristine === true && (repo?.commit ?? version.commit) === version.commit
        : version?.manifest === sha256;
    };
    const found = idle.find((copy) => fits(copy, baseManifest));
    const version = found?.version;
    if (!found || !version) return this.#findEqual(idle, request);
    await found.take();
    return this.#open(found, version, "on-disk", request);
  }

  /** The same manifest may have been written down in another spelling, and then has another hash. */
  async #findEqual(idle: readonly WorkspaceCopy[], request: WorkspaceRequest): Promise<Workspace | undefined> {
    const { baseManifest } = request.envelope;
    if (baseManifest === null || idle.length === 0) return undefined;
    const { sha256 } = encodeManifest(await fetchManifest(this.#settings.blobs, baseManifest, request.signal));
    const found = idle.find(({ version }) => version?.manifest === sha256);
    const version = found?.version;
    if (!found || !version) return undefined;
    await found.take();
    return this.#open(found, version, "on-disk", request);
  }

  async #makeCopy(run: string): Promise<WorkspaceCopy> {
    const { directory, clock } = this.#settings;
    const copies = this.#runs.get(run) ?? [];
    this.#runs.set(run, copies);
    const numbers = copies.map((copy) => Number(copy.directory.slice(copy.directory.lastIndexOf("/") + 1)));
    const copy = new WorkspaceCopy(join(directory, run, String(Math.max(0, ...numbers) + 1)), clock.now());
    copy.isInUse = true;
    copies.push(copy);
    // What the run left behind in a state that nobody can begin from makes room.
    for (const old of copies.filter(({ isInUse, version }) => !isInUse && !version)) void this.#remove(run, old);
    await mkdir(copy.tree, { recursive: true, mode: 0o755 });
    return copy;
  }

  async #fill(copy: WorkspaceCopy, request: WorkspaceRequest): Promise<Workspace> {
    const { envelope, signal } = request;
    const { repo, baseManifest } = envelope;
    const { blobs } = this.#settings;
    const given = baseManifest === null ? undefined : await fetchManifest(blobs, baseManifest, signal);
    const commit = repo
      ? await this.#git(copy, request, !isOnDisk(repo.url)).clone(repo, given?.commit ?? undefined)
      : null;
    const manifest = given ?? emptyManifest(commit);
    if (given) await applyManifest({ root: copy.tree, manifest: given, blobs, signal });
    const base = repo || given ? await scanBase(copy, manifest) : { manifest, files: new Map(), scannedAtMs: 0 };
    const version = { repository: repo?.url ?? null, commit, boot: this.#boot, ...versionOf(manifest) };
    return this.#open(copy, version, base, request);
  }

  #open(
    copy: WorkspaceCopy,
    version: WorkspaceVersion,
    base: BaseState | "on-disk",
    request: WorkspaceRequest,
  ): Workspace {
    const git = version.repository === null ? undefined : this.#git(copy, request, false);
    return new Workspace({
      copy,
      version,
      base,
      git,
      blobs: this.#settings.blobs,
      pathInside: request.pathInside(copy.tree),
    });
  }

  #git(copy: WorkspaceCopy, { commandsIn }: WorkspaceRequest, needsNetwork: boolean): Git {
    return new Git(commandsIn(copy.tree, needsNetwork), this.#trustingConfig, this.#settings.access);
  }

  async #remove(run: string, copy: WorkspaceCopy): Promise<void> {
    const { directory, logger } = this.#settings;
    const rest = (this.#runs.get(run) ?? []).filter((other) => other !== copy);
    if (rest.length > 0) this.#runs.set(run, rest);
    else this.#runs.delete(run);
    await copy.remove().catch((error: unknown) => logger.warn({ error, run }, "a workspace could not be removed"));
    if (rest.length === 0) await rmdir(join(directory, run)).catch(() => undefined);
  }
}

/** The folder as it was just made, with the hashes that the manifest tells. */
async function scanBase(copy: WorkspaceCopy, manifest: WorkspaceManifest): Promise<BaseState> {
  const scannedAtMs = Date.now();
  const { files } = await scanTree(copy.tree, leftOut(new Set()));
  const hashes = new Map(manifest.files.map(({ path, sha256 }) => [path, sha256]));
  const known = [...files].map(([path, stamp]) => [path, { stamp, sha256: hashes.get(path) }] as const);
  return { manifest, files: new Map(known), scannedAtMs };
}

function isOnDisk(url: string): boolean {
  return url.toLowerCase().startsWith("file:");
}

async function foldersIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
