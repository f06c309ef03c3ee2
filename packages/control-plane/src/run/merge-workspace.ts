import type { WorkspaceChanges, WorkspaceEntry, WorkspaceManifest } from "@signalbox/protocol";

/** A workspace after changes, or the paths that two steps have changed in different ways. */
export type Merge =
  | { readonly kind: "merged"; readonly manifest: WorkspaceManifest }
  | { readonly kind: "conflict"; readonly paths: readonly string[] };

/**
 * Applies what an attempt changed, counted from `base`, to `current`, which other steps may have changed meanwhile.
 * A path that differs between the two and was changed by the attempt to something else is a conflict; so is everything
 * that was changed on another commit of the repository than the one that the run is at.
 */
export function mergeWorkspace(base: WorkspaceManifest, current: WorkspaceManifest, changes: WorkspaceChanges): Merge {
  // A step that began before the run had a commit began from the one that it found.
  const before = contents(base, base.commit ?? changes.commit);
  const now = contents(current, current.commit ?? changes.commit);
  const isElsewhere = current.commit !== null && changes.commit !== null && current.commit !== changes.commit;
  const wanted = new Map<string, string>([
    ...changes.written.map((entry): [string, string] => [entry.path, contentOf(entry)]),
    ...changes.deleted.map((path): [string, string] => [path, DELETED]),
  ]);
  const paths = [...wanted]
    .filter(([path, content]) => isElsewhere || (before(path) !== now(path) && now(path) !== content))
    .map(([path]) => path);
  return paths.length > 0 ? { kind: "conflict", paths } : { kind: "merged", manifest: apply(current, changes) };
}

const DELETED = "deleted";
const AS_COMMITTED = "as committed";

function contentOf(entry: WorkspaceEntry): string {
  return `${entry.sha256}${entry.executable ? "x" : ""}`;
}

/** What is at a path. One that a manifest does not name is as the commit has it; without a commit it is not there. */
function contents(manifest: WorkspaceManifest, commit: string | null): (path: string) => string {
  const named = new Map([
    ...manifest.files.map((entry): [string, string] => [entry.path, contentOf(entry)]),
    ...manifest.deleted.map((path): [string, string] => [path, DELETED]),
  ]);
  return (path) => named.get(path) ?? (commit === null ? DELETED : AS_COMMITTED);
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
  const commit = current.commit ?? changes.commit;
  return {
    v: 1,
    commit,
    files: [...files.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    // Without a commit underneath there is nothing that a path could be missing from.
    deleted: commit === null ? [] : [...deleted].toSorted(),
  };
}
