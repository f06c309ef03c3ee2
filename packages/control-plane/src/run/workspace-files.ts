import {
  kindOfPath,
  WorkspaceChangesSchema,
  WorkspaceManifestSchema,
  type WorkspaceChanges,
  type WorkspaceFile,
  type WorkspaceManifest,
} from "@signalbox/protocol";
import type { BlobStore } from "@signalbox/store";

import { NotFoundError } from "../errors.ts";

/** What a workspace without any files of its own looks like. */
export const EMPTY_MANIFEST: WorkspaceManifest = { v: 1, commit: null, files: [], deleted: [] };

/** The manifest under a hash; an empty one for null. */
export async function readManifest(blobs: BlobStore, sha256: string | null): Promise<WorkspaceManifest> {
  return sha256 === null ? EMPTY_MANIFEST : WorkspaceManifestSchema.parse(await readJson(blobs, sha256));
}

/** The changes under a hash. */
export async function readChanges(blobs: BlobStore, sha256: string): Promise<WorkspaceChanges> {
  return WorkspaceChangesSchema.parse(await readJson(blobs, sha256));
}

/** The files of a manifest as a listing. */
export async function listWorkspace(blobs: BlobStore, manifest: string | null): Promise<WorkspaceFile[]> {
  const { files } = await readManifest(blobs, manifest);
  return files.map(({ path, bytes, sha256 }) => ({ path, bytes, sha256, type: kindOfPath(path) }));
}

async function readJson(blobs: BlobStore, sha256: string): Promise<unknown> {
  const source = await blobs.get(sha256);
  if (!source) throw new NotFoundError("file", sha256);
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return JSON.parse(Buffer.concat(parts).toString("utf8"));
}
