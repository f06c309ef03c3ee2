import type { WorkspaceChanges, WorkspaceEntry, WorkspaceManifest } from "@signalbox/protocol";

/** A workspace after changes, or the paths that two steps have changed in different ways. */
export type Merge = { readonly kind: "merged"; readonly manifest: WorkspaceManifest } | { readonly kind: "conflict"; readonly paths: readonly string[] };

/**
 * Applies what an attempt changed, counted from `base`, to `current`, which other steps may have changed meanwhile.
 * A path that differs between the two and was changed by the attempt to something else is a conflict.
 */
export function mergeWorkspace(base: WorkspaceManifest, current: WorkspaceManifest, changes: WorkspaceChanges): Merge {
  const before = contents(base);
  const now = contents(current);
  const wanted = new Map<string, string>([
    ...changes.written.map((entry): [string, string] => [entry.path, contentOf(entry)]),
    ...changes.deleted.map((path): [string, string] => [path, DELETED]),
  ]);
  const paths = [...wanted].filter(([path, content]) => before.get(path) !== now.get(path) && now.get(path) !== content).map(([path]) => path);
  return paths.length > 0 ? { kind: "conflict", paths } : { kind: "merged", manifest: apply(current, changes) };
}

const DELETED = "deleted";

function contentOf(entry: WorkspaceEntry): string {
  return `${entry.sha256}${entry.executable ? "x" : ""}`;
}

function contents(manifest: WorkspaceManifest): Map<string, string> {
  return new Map([
    ...manifest.files.map((entry): [string, string] => [entry.path, contentOf(entry)]),
    ...manifest.deleted.map((path): [string, string] => [path, DELETED]),
  ]);
}

function apply(current: WorkspaceManifest, changes: WorkspaceChanges): WorkspaceManifest {
  const files = new Map(current.files.map((entry) => [entry.path, entry]));
  const deleted = new Set(current.deleted);
  for (const entry of changes.written) {
    files.set(entry.path, entry);
    deleted.delete(entry.path);
  }
  for (const path of changes.deleted) {
    files.delete(path);
    deleted.add(path);
  }
  const commit = changes.commit ?? current.commit;
  return {
    v: 1,
    commit,
    files: [...files.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    // Without a commit underneath there is nothing that a path could be missing from.
    deleted: commit === null ? [] : [...deleted].toSorted(),
  };
}
