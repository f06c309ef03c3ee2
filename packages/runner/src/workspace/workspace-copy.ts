import { chmod, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";

/** What a folder holds, in terms of what a step may ask for. */
const WorkspaceVersionSchema = z.object({
  /** Where it was cloned from; null for none. */
  repository: z.string().nullable(),
  commit: z.string().nullable(),
  /** sha256 of its manifest. */
  manifest: z.string(),
  /** Nothing differs from the commit, or nothing is there. */
  isPristine: z.boolean(),
  /** The boot of the machine under which it was written: after a power cut the files may be older than this note. */
  boot: z.string(),
});
export type WorkspaceVersion = z.infer<typeof WorkspaceVersionSchema>;

/**
 * One folder with a working tree, used by one attempt at a time. A note beside the tree says which version it is; the note
 * is removed before anything runs there and written again only after a step that succeeded.
 */
export class WorkspaceCopy {
  readonly directory: string;
  readonly tree: string;
  /** What the next step needs to find its changes. */
  readonly stateFile: string;
  isInUse = false;
  lastUsedAtMs: number;
  #version: WorkspaceVersion | undefined;
  #next: WorkspaceVersion | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(directory: string, lastUsedAtMs: number, version?: WorkspaceVersion) {
    this.directory = directory;
    this.tree = join(directory, "tree");
    this.stateFile = join(directory, "state.json");
    this.lastUsedAtMs = lastUsedAtMs;
    this.#version = version;
  }

  /** A copy as it was left on disk; one without a readable note holds nothing that can be used. */
  static async load(directory: string, lastUsedAtMs: number): Promise<WorkspaceCopy> {
    const text = await readFile(join(directory, "version.json"), "utf8").catch(() => "null");
    return new WorkspaceCopy(directory, lastUsedAtMs, parseVersion(text));
  }

  /** What the tree holds; undefined while it is in use, and after a step that failed. */
  get version(): WorkspaceVersion | undefined {
    return this.isInUse ? undefined : this.#version;
  }

  /** Takes it for an attempt, at once; resolves when the note is gone, before which nothing may run in the tree. */
  async take(): Promise<void> {
    this.isInUse = true;
    if (!this.#version) return;
    this.#version = undefined;
    await this.#onDisk(() => rm(this.#note, { force: true }));
  }

  /** Takes note of what a step that succeeded has made of it; it counts once the copy is released. */
  setNext(version: WorkspaceVersion): void {
    this.#next = version;
  }

  /** Gives it back, at once; the note for a later process of this runner follows. */
  release(): void {
    if (!this.isInUse) return;
    const version = this.#next;
    this.#version = version;
    this.#next = undefined;
    this.lastUsedAtMs = Date.now();
    this.isInUse = false;
    if (version) void this.#onDisk(() => this.#writeNote(version)).catch(() => undefined);
  }

  async remove(): Promise<void> {
    await this.#onDisk(() => removeTree(this.directory));
  }

  async #writeNote(version: WorkspaceVersion): Promise<void> {
    await writeFile(`${this.#note}.new`, JSON.stringify(version));
    await rename(`${this.#note}.new`, this.#note);
  }

  /** One after the other, so that a note is never written after it was to be gone. */
  #onDisk(work: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(work, work);
    return this.#last;
  }

  get #note(): string {
    return join(this.directory, "version.json");
  }
}

function parseVersion(text: string): WorkspaceVersion | undefined {
  try {
    return WorkspaceVersionSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Removes a tree, also one whose folders a step has made unreadable. */
async function removeTree(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true, maxRetries: 3 }).catch(async () => {
    await openFolders(directory);
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  });
}

async function openFolders(directory: string): Promise<void> {
  await chmod(directory, 0o700).catch(() => undefined);
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await openFolders(join(directory, entry.name));
}
