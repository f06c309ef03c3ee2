import { limit } from "../limits.ts";

/**
 * Whether a text is a path that, by its letters, stays inside the folder that it is relative to. What links make of it only
 * the file system knows.
 */
export function isRelativeInside(path: string): boolean {
  if (path === "" || path.length > limit("manifest.pathLength")) return false;
  if (/[\p{Cc}\\]/u.test(path) || path.startsWith("/") || /^[A-Za-z]:/.test(path)) return false;
  let depth = 0;
  for (const level of path.split("/")) {
    if (level === "..") depth--;
    else if (level !== "" && level !== ".") depth++;
    if (depth < 0) return false;
  }
  return true;
}
