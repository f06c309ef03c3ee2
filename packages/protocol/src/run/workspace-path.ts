import * as z from "zod";

import { limit } from "../limits.ts";

/** A path inside a workspace: relative, with `/`, no empty, `.` or `..` part, no control characters. */
export const WorkspacePathSchema = z
  .string()
  .min(1)
  .max(limit("workspace.pathLength"))
  .refine(isWorkspacePath, "must be a relative path without '.', '..', empty parts, backslashes or control characters");

function isWorkspacePath(path: string): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are exactly what is refused here
  if (/[\u0000-\u001f\u007f\\]/.test(path)) return false;
  const parts = path.split("/");
  return (
    parts.length <= limit("workspace.depth") && parts.every((part) => part !== "" && part !== "." && part !== "..")
  );
}
