import { limit, type DiffDocument, type DiffStats, type Snapshot } from "@signalbox/protocol";
import { sha256Hex } from "@signalbox/protocol/hash";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { rm, stat } from "node:fs/promises";

import { BlobError, type BlobClient } from "../link/blob-client.ts";
import type { BaseRepository } from "./base-repository.ts";
import { DiffError } from "./diff-error.ts";
import { parseListing } from "./parse-listing.ts";

/** A diff as it was taken, and where it is kept. */
export interface TakenDiff {
  readonly stats: DiffStats;
  readonly snapshot: Snapshot;
  /** Whether secrets of the step were taken out of what is shown: then the tree is more than that. */
  readonly isRedacted: boolean;
  /** Whether it is too long to be shown whole. */
  readonly isCut: boolean;
}

/** Whether the objects of a tree are kept with its diff. */
export type Packing = boolean | "small";

export interface WorkspaceDiffSettings {
  readonly repository: BaseRepository;
  readonly base: string;
  readonly blobs: Pick<BlobClient, "put">;
  /** Takes secrets out of what is shown. */
  readonly redact: (text: string) => string;
  /** Kills what git is doing. */
  readonly stop: () => void;
}

/** Takes the diff of one workspace against the commit that it began from, one at a time, and keeps it as a blob. */
export class WorkspaceDiff implements AsyncDisposable {
  readonly #settings: WorkspaceDiffSettings;
  #last: Promise<unknown> = Promise.resolve();
  #known: TakenDiff | undefined;

  constructor(settings: WorkspaceDiffSettings) {
    this.#settings = settings;
  }

  /** Makes ready in the background; that it failed is said when a diff is taken. */
  begin(): void {
    this.#last = this.#settings.repository.prepare().catch(() => undefined);
  }

  /**
   * The diff as it is now. `pack`: with what it takes to publish it; `small`: unless that is much. Throws `DiffError` where it
   * cannot be told.
   */
  async take({ pack, signal }: { readonly pack: Packing; readonly signal: AbortSignal }): Promise<TakenDiff> {
    const taking = this.#last.then(() => this.#take(pack, signal));
    this.#last = taking.catch(() => undefined);
    try {
      return await Promise.race([taking, aborted(signal)]);
    } catch (error) {
      if (signal.aborted) throw new DiffError("there was no time left for it");
      if (error instanceof BlobError) throw new DiffError(error.message);
      throw error;
    }
  }

  /** Ends what is being taken; nothing is left running. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#settings.stop();
    await this.#last;
  }

  async #take(pack: Packing, signal: AbortSignal): Promise<TakenDiff> {
    signal.throwIfAborted();
    const { repository } = this.#settings;
    const tree = await repository.snapshot();
    const isKnown = this.#known?.snapshot.tree === tree;
    const known = isKnown && this.#known ? this.#known : await this.#keep(tree, signal);
    const isWanted = pack !== false && known.stats.files > 0;
    const packed = known.snapshot.pack ?? (isWanted ? await this.#keepPack(tree, pack, signal) : null);
    this.#known = { ...known, snapshot: { ...known.snapshot, pack: packed } };
    return this.#known;
  }

  async #keep(tree: string, signal: AbortSignal): Promise<TakenDiff> {
    const { base, blobs } = this.#settings;
    const document = await this.#document(tree);
    const content = Buffer.from(JSON.stringify(document));
    const sha256 = sha256Hex(content);
    await blobs.put({ sha256, bytes: content.length, open: () => once(content) }, signal);
    const diffHash = sha256Hex(document.text);
    return {
      stats: document.stats,
      isRedacted: document.isRedacted,
      isCut: document.cut !== null,
      snapshot: { base, tree, document: { sha256, bytes: content.length }, diffHash, pack: null },
    };
  }

  async #document(tree: string): Promise<DiffDocument> {
    const { repository, base, redact } = this.#settings;
    const most = limit("diff.bytes");
    const { files, stats } = parseListing(await repository.listing(tree));
    const { text, isCut } = cutText(await repository.text(tree, most + 1), most);
    const shown = files.slice(0, limit("diff.files"));
    const named = shown.map((file) => ({ ...file, path: redact(file.path) }));
    const clean = redact(text);
    const isRedacted = clean !== text || named.some(({ path }, index) => path !== shown[index]?.path);
    const left = files.length - named.length;
    const cut = left > 0 || isCut ? { files: left, isTextCut: isCut } : null;
    return { v: 1, base, tree, stats, files: named, text: clean, isRedacted, cut };
  }

  async #keepPack(tree: string, pack: Packing, signal: AbortSignal): Promise<{ sha256: string; bytes: number } | null> {
    const path = await this.#settings.repository.pack(tree);
    try {
      const { size: bytes } = await stat(path);
      if (pack === "small" && bytes > limit("diff.turnPackBytes")) return null;
      if (bytes > limit("blob.bytes"))
        throw new DiffError(`what changed comes to ${bytes} bytes; ${limit("blob.bytes")} can be kept`);
      const hash = createHash("sha256");
      for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
      const sha256 = hash.digest("hex");
      await this.#settings.blobs.put({ sha256, bytes, open: () => createReadStream(path) }, signal);
      return { sha256, bytes };
    } finally {
      await rm(path, { force: true });
    }
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = (): void => reject(new DiffError("aborted"));
    if (signal.aborted) fail();
    else signal.addEventListener("abort", fail, { once: true });
  });
}

/** Whole lines of at most so many bytes. */
function cutText(text: string, maxBytes: number): { readonly text: string; readonly isCut: boolean } {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return { text, isCut: false };
  const end = bytes.lastIndexOf("\n", maxBytes - 1) + 1;
  return { text: bytes.subarray(0, end).toString(), isCut: true };
}

async function* once(content: Buffer): AsyncGenerator<Buffer> {
  yield content;
}
