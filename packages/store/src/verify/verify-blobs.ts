import { createHash } from "node:crypto";

import { WorkspaceManifestSchema } from "@signalbox/protocol";

import type { BlobStore } from "../blobs/blob-store.ts";
import type { Findings } from "./findings.ts";
import { parseJson } from "./read-log.ts";

interface WantedBlob {
  readonly sha256: string;
  readonly bytes: number;
  /** The first run that names it. */
  readonly stream: string;
}

/** The blobs that runs name: manifests by hash, with the first run that does; and the rest with their sizes. */
export interface WantedBlobs {
  readonly manifests: Map<string, string>;
  readonly sizes: Map<string, WantedBlob>;
}

export function wantManifest({ manifests }: WantedBlobs, sha256: string | null, stream: string): void {
  if (sha256 !== null && !manifests.has(sha256)) manifests.set(sha256, stream);
}

export function wantBlob({ sizes }: WantedBlobs, blob: WantedBlob, findings: Findings): void {
  const known = sizes.get(blob.sha256);
  if (!known) sizes.set(blob.sha256, blob);
  else if (known.bytes !== blob.bytes)
    findings.problem(
      "blob",
      blob.stream,
      `blob ${blob.sha256} has ${blob.bytes} bytes here and ${known.bytes} in ${known.stream}`,
    );
}

const AT_ONCE = 32;

/** Every blob that a run names is there with the right size and, if asked, the right hash; counts those that none names. */
export async function verifyBlobs(
  blobs: BlobStore,
  wanted: WantedBlobs,
  findings: Findings,
  hashes: boolean,
): Promise<void> {
  await each(wanted.manifests, async ([sha256, stream]) => {
    const bytes = await readAll(blobs, sha256);
    if (!bytes) return findings.problem("blob", stream, `manifest ${sha256} is missing`);
    if (hashOf(bytes) !== sha256) findings.problem("hash", stream, `manifest ${sha256} has other content`);
    const manifest = WorkspaceManifestSchema.safeParse(parseJson(bytes.toString("utf8")));
    if (!manifest.success) return findings.problem("blob", stream, `manifest ${sha256} cannot be read`);
    for (const file of manifest.data.files)
      wantBlob(wanted, { sha256: file.sha256, bytes: file.bytes, stream }, findings);
  });
  await each(wanted.sizes.values(), (blob) => verifyBlob(blobs, blob, findings, hashes));
  let orphans = 0;
  for await (const sha256 of blobs.list()) if (!wanted.sizes.has(sha256) && !wanted.manifests.has(sha256)) orphans += 1;
  findings.note("orphan_blobs", orphans, "blobs belong to no workspace and no artifact");
}

async function verifyBlob(
  blobs: BlobStore,
  { sha256, bytes, stream }: WantedBlob,
  findings: Findings,
  hashes: boolean,
): Promise<void> {
  const size = await blobs.size(sha256);
  if (size === undefined) return findings.problem("blob", stream, `blob ${sha256} is missing`);
  if (size !== bytes)
    return findings.problem("blob", stream, `blob ${sha256} has ${size} bytes where ${bytes} are named`);
  if (!hashes) return;
  const hash = createHash("sha256");
  for await (const chunk of (await blobs.get(sha256)) ?? []) hash.update(chunk as Uint8Array);
  if (hash.digest("hex") !== sha256) findings.problem("hash", stream, `blob ${sha256} has other content`);
}

async function readAll(blobs: BlobStore, sha256: string): Promise<Buffer | undefined> {
  const source = await blobs.get(sha256);
  return source && Buffer.concat((await source.toArray()) as Uint8Array[]);
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Some at a time: files are opened on a few threads, and waiting for one after the other would leave them idle. */
async function each<Item>(items: Iterable<Item>, work: (item: Item) => Promise<void>): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (let next = iterator.next(); !next.done; next = iterator.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
