/** Folders that tools fill and can fill again; left out of workspaces that have no git to say what to ignore. */
export const LEFT_OUT_FOLDERS: ReadonlySet<string> = new Set([
  "node_modules",
  ".git",
  ".hg",
  ".svn",
  ".venv",
  "__pycache__",
  ".pytest_cache",
  ".mypy_cache",
  ".ruff_cache",
  ".tox",
  ".gradle",
  ".turbo",
]);

/** What is not part of a workspace: what git ignores, or, where git has nothing to say (`undefined`), the usual folders. */
export function leftOut(ignored: ReadonlySet<string> | undefined): (path: string, isFolder: boolean) => boolean {
  if (ignored) return (path, isFolder) => isGitsOwn(path) || ignored.has(isFolder ? `${path}/` : path);
  return (path, isFolder) => isFolder && LEFT_OUT_FOLDERS.has(path.slice(path.lastIndexOf("/") + 1));
}

/** In a working tree of git, `.git` may also be a file. */
function isGitsOwn(path: string): boolean {
  return path === ".git" || path.endsWith("/.git");
}
