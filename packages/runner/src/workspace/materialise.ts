import { WorkspaceManifestSchema, type WorkspaceEntry, type WorkspaceManifest } from "@signalbox/protocol";
import { createHash } from "node:crypto";

import type { BlobClient } from "../link/blob-client.ts";
import { StepError } from "../supervisor/step-error.ts";
import { inParallel } from "../in-parallel.ts";
import { createSafely, removeInside } from "./safe-file.ts";

/** The most bytes of a manifest: ten thousand files with long names. */
const MANIFEST_BYTES = 33_554_432;

/** Fetches a manifest and checks that it is the one that was named. */
export async function fetchManifest(
  blobs: BlobClient,
  sha256: string,
  signal: AbortSignal,
): Promise<WorkspaceManifest> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of await blobs.get(sha256, signal)) {
    bytes += chunk.length;
    if (bytes > MANIFEST_BYTES)
      throw new StepError("workspace_unavailable", "the manifest of the workspace is too large");
    chunks.push(chunk);
  }
  const content = Buffer.concat(chunks);
  if (createHash("sha256").update(content).digest("hex") !== sha256) {
    throw new StepError("workspace_unavailable", `the manifest ${sha256} arrived with another content`);
  }
  const manifest = WorkspaceManifestSchema.safeParse(parseJson(content));
  if (manifest.data) return manifest.data;
  throw new StepError("workspace_unavailable", `the blob ${sha256} is no manifest`);
}

/** Makes a folder, in which nothing runs, what a manifest says beside its commit. */
export async function applyManifest(request: {
  readonly root: string;
  readonly manifest: WorkspaceManifest;
  readonly blobs: BlobClient;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { root, manifest, blobs, signal } = request;
  for (const path of manifest.deleted) await removeInside(root, path);
  await inParallel(manifest.files, (entry) => writeEntry(root, entry, blobs, signal));
}

async function writeEntry(root: string, entry: WorkspaceEntry, blobs: BlobClient, signal: AbortSignal): Promise<void> {
  const content = await blobs.get(entry.sha256, signal);
  await using handle = await createSafely(root, entry.path, entry.executable);
  const hash = createHash("sha256");
  for await (const chunk of content) {
    hash.update(chunk);
    await handle.write(chunk);
  }
  if (hash.digest("hex") === entry.sha256) return;
  throw new StepError("workspace_unavailable", `the content of ${entry.path} arrived damaged`);
}

function parseJson(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString());
  } catch {
    return undefined;
  }
}
