/** The diff of a workspace cannot be told, and why; what the agent does goes on. */
export class DiffError extends Error {
  override readonly name = "DiffError";
  readonly code = "diff_unavailable";
}
