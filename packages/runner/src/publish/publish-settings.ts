import { RepositoryUrlSchema } from "@signalbox/protocol";
import * as z from "zod";

const PatternsSchema = z.array(z.string().min(1).max(1_000)).max(1_000);
const line = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}<>]*$/u, "must be one line without angle brackets");

/** Names that a branch with changes of an agent does not get unless the owner says so. */
const PROTECTED = ["main", "master", "trunk", "develop", "production", "release", "release/*", "gh-pages"];

/**
 * What the owner of a machine lets be published from it, as whom, and with which credential. It stays on the machine: no
 * control plane and no agent sees it. In patterns, `*` stands for any characters.
 */
export const PublishSettingsSchema = z.strictObject({
  /** URLs of repositories that may be pushed to. */
  remotes: PatternsSchema,
  /** Branches that are never pushed to, nor is the one that a repository names as its default. */
  protectedBranches: PatternsSchema.default(PROTECTED),
  author: z.strictObject({ name: line, email: line }).default({ name: "Signalbox", email: "signalbox@localhost" }),
  /** A host of repositories with the REST API of GitHub. Without it, branches are pushed and no pull requests opened. */
  github: z
    .strictObject({
      apiUrl: z
        .url({ protocol: /^https?$/ })
        .refine(isSafe, "must be https, or http to this machine")
        .default("https://api.github.com"),
      /** The host whose `https:` repositories the token is for. */
      host: z
        .string()
        .regex(/^[a-z0-9.-]+$/)
        .default("github.com"),
      /** Holds the token; read anew each time. */
      tokenFile: z.string().min(1),
      /** Repositories whose URL does not say it: URL → `owner/name`. */
      repositories: z.record(RepositoryUrlSchema, z.string().regex(/^[\w.-]+\/[\w.-]+$/)).default({}),
    })
    .optional(),
});
export type PublishSettings = z.infer<typeof PublishSettingsSchema>;
export type PublishSettingsInput = z.input<typeof PublishSettingsSchema>;

function isSafe(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === "https:" || ["127.0.0.1", "localhost", "[::1]"].includes(hostname);
}
