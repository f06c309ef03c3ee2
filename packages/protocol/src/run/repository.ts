import * as z from "zod";

/** A branch, tag or commit that no git command can take for an option or a range. */
export const GitRefSchema = z
  .string()
  .regex(/^(?!-)[A-Za-z0-9._/-]{1,200}$/, "must be a plain branch, tag or commit name")
  .refine((ref) => !/\.\.|\/\/|^\/|[/.]$|\.lock(\/|$)|(^|\/)\./.test(ref), "is not a name that git accepts");

/**
 * Where a repository is: `https:`, `ssh:`, `user@host:path`, or `file:` (which a runner takes only when its owner's
 * policy says so). No credentials, no remote helpers, nothing that git could take for an option.
 */
export const RepositoryUrlSchema = z.string().min(1).max(2_000).refine(isRepositoryUrl, {
  error: "must be an https:, ssh:, user@host:path or absolute file: URL without credentials",
});

export const RepositorySchema = z.strictObject({
  url: RepositoryUrlSchema,
  branch: GitRefSchema.optional(),
  commit: z
    .string()
    .regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/, "must be a full commit id")
    .optional(),
});
export type Repository = z.infer<typeof RepositorySchema>;

const SCP_FORM = /^[A-Za-z0-9._-]+@[A-Za-z0-9][A-Za-z0-9.-]*:(?!-|\/\/|:)[A-Za-z0-9._~/-]+$/;

function isRepositoryUrl(text: string): boolean {
  if (/[^\x21-\x7e]/.test(text) || text.startsWith("-") || text.includes("::")) return false;
  if (SCP_FORM.test(text)) return true;
  // Git reads the text, not what `URL` makes of it: `https:host/path` is to git a path on a host named "https", a
  // backslash is no slash, and a percent sign in the host is decoded before ssh sees it.
  if (!/^(https:\/\/[^/%\\@]+|ssh:\/\/[^/%\\]+|file:\/\/)\/[^\\]*$/.test(text)) return false;
  const url = URL.parse(text);
  if (!url || url.search !== "" || url.hash !== "") return false;
  if (url.protocol === "file:") return url.host === "" && url.pathname.length > 1;
  return url.hostname !== "" && !url.hostname.startsWith("-") && !url.username.startsWith("-") && url.password === "";
}
