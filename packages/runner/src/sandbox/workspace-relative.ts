import { isAbsolute, normalize } from "node:path";
import { UnsafeCommandError } from "./sandbox-errors.ts";

/** A path inside the workspace, without `.` and trailing slash; "" for the workspace. Throws `UnsafeCommandError` when it leads out. */
export function workspaceRelative(path: string): string {
  const normal = normalize(path).replace(/\/+$/, "");
  if (isAbsolute(path) || normal === ".." || normal.startsWith("../") || path.includes("\0")) {
    throw new UnsafeCommandError(`not a path inside the workspace: ${JSON.stringify(path)}`);
  }
  return normal === "." ? "" : normal;
}
