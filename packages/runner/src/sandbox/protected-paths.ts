import { lstatSync } from "node:fs";
import { join } from "node:path";
import { UnsafeCommandError } from "./sandbox-errors.ts";
import { WORKSPACE_PATH } from "./sandbox.ts";
import type { ProtectedPath } from "./sandbox.ts";
import { workspaceRelative } from "./workspace-relative.ts";

/** Where agents look for configuration that runs code; a project approves each by its content. */
export const AGENT_CONFIGURATION_PATHS: readonly ProtectedPath[] = [
  { path: ".claude", kind: "directory", as: "empty" },
  { path: ".codex", kind: "directory", as: "empty" },
  { path: ".cursor", kind: "directory", as: "empty" },
  { path: ".gemini", kind: "directory", as: "empty" },
  { path: ".mcp.json", kind: "file", as: "empty" },
  { path: ".env", kind: "file", as: "empty" },
];

/**
 * The bubblewrap arguments that protect paths of a workspace. A path that is absent gets an empty read-only stand-in, or
 * else the step would create it (CVE-2026-25725); for that, bubblewrap leaves an empty file or folder in the
 * workspace. The folders above a path are mounted onto themselves, because a mount can be neither renamed nor
 * removed. A symbolic link on the way is refused with `UnsafeCommandError`: it could be turned elsewhere.
 */
export function protectedPathArguments(
  workspace: string,
  paths: readonly ProtectedPath[],
  emptyFile: string,
): string[] {
  const pinned = new Set<string>();
  const sorted = paths.map((entry) => ({ ...entry, path: workspaceRelative(entry.path) }));
  sorted.sort((a, b) => (a.path < b.path ? -1 : 1));
  return sorted.flatMap(({ path, kind, as }) => {
    if (path === "") throw new UnsafeCommandError("the workspace itself cannot be protected from its step");
    const { parents, path: top, isLeaf } = firstAbsent(workspace, path);
    const found = kindOf(join(workspace, top));
    const pins = parents.filter((parent) => !pinned.has(parent) && pinned.add(parent));
    const kept =
      found && as === "read-only" ? ["--ro-bind", join(workspace, top), join(WORKSPACE_PATH, top)] : undefined;
    return [
      ...pins.flatMap((parent) => ["--bind", join(workspace, parent), join(WORKSPACE_PATH, parent)]),
      ...(kept ?? standIn(join(WORKSPACE_PATH, top), found ?? (isLeaf ? kind : "directory"), emptyFile)),
    ];
  });
}

/** The path, or the topmost folder on the way to it that does not exist, and the folders above that do. */
function firstAbsent(workspace: string, path: string): { parents: string[]; path: string; isLeaf: boolean } {
  const names = path.split("/");
  const parents: string[] = [];
  for (const index of names.keys()) {
    const part = names.slice(0, index + 1).join("/");
    const isLeaf = index === names.length - 1;
    if (isLeaf || kindOf(join(workspace, part)) !== "directory") return { parents, path: part, isLeaf };
    parents.push(part);
  }
  return { parents, path, isLeaf: true };
}

function kindOf(path: string): "file" | "directory" | undefined {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats?.isSymbolicLink()) throw new UnsafeCommandError(`cannot protect ${path}: it is a symbolic link`);
  if (!stats) return undefined;
  return stats.isDirectory() ? "directory" : "file";
}

function standIn(target: string, kind: "file" | "directory", emptyFile: string): string[] {
  return kind === "directory" ? ["--tmpfs", target, "--remount-ro", target] : ["--ro-bind", emptyFile, target];
}
