import { ONE_LEVEL, REMAINING_LEVELS } from "../topic.ts";

/**
 * Whether every topic that the canonical pattern `wanted` matches is matched by the canonical pattern `allowed` too. So
 * `a/*` covers `a/b` and does not cover `a/**`.
 */
export function covers(allowed: string, wanted: string): boolean {
  const bounds = allowed.split("/");
  const levels = wanted.split("/");
  for (const [index, bound] of bounds.entries()) {
    const level = levels[index];
    if (level === undefined) return false;
    if (bound === REMAINING_LEVELS) return true;
    // What matches several levels is matched by nothing that matches one.
    if (level === REMAINING_LEVELS || (bound !== ONE_LEVEL && bound !== level)) return false;
  }
  return bounds.length === levels.length;
}
