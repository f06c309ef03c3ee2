import { canonicalJson, type WorkspaceChanges, type WorkspaceManifest } from "@signalbox/protocol";
import { sha256Hex } from "@signalbox/protocol/hash";

/** A manifest as the bytes under which it is kept, and their hash. */
export function encodeManifest(manifest: WorkspaceManifest | WorkspaceChanges): { sha256: string; text: string } {
  const text = canonicalJson(manifest);
  return { sha256: sha256Hex(text), text };
}

/** The workspace that changes lead to. */
export function applyChanges(base: WorkspaceManifest, changes: WorkspaceChanges): WorkspaceManifest {
  const files = new Map(base.files.map((entry) => [entry.path, entry]));
  const deleted = new Set(base.deleted);
  for (const path of changes.deleted) {
    files.delete(path);
    deleted.add(path);
  }
  for (const entry of changes.written) {
    files.set(entry.path, entry);
    deleted.delete(entry.path);
  }
  return {
    v: 1,
    commit: changes.commit,
    files: [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1)),
    deleted: [...deleted].sort(),
  };
}

/** A workspace in which nothing was changed. */
export function emptyManifest(commit: string | null): WorkspaceManifest {
  return { v: 1, commit, files: [], deleted: [] };
}
