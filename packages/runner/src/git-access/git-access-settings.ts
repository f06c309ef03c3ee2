import * as z from "zod";

const path = z.string().min(1).max(4_096);
/** Ssh would read something else into such a path. */
const sshPath = path.regex(/^[^"%$\\\p{Cc}]+$/u, 'must be without ", %, $ and \\');

/**
 * How this machine's git reaches repositories that not everybody may read. Its owner writes it; it stays on the machine, and
 * what it names is seen by no control plane and no step.
 */
export const GitAccessSettingsSchema = z.strictObject({
  /** Tokens for `https:` repositories; the longest URL that a repository's begins with counts. */
  credentials: z
    .array(
      z.strictObject({
        /** `https://host/`, or a folder there such as `https://host/team/`. */
        url: z
          .string()
          .regex(/^https:\/\/[A-Za-z0-9.-]+(:\d+)?\/([^\s?#\\]*\/)?$/, "must be https://host/ or https://host/folder/"),
        username: z
          .string()
          .regex(/^[^\p{Cc}\s]{1,200}$/u)
          .default("x-access-token"),
        /** Holds the token, or a password; read anew each time. */
        tokenFile: path,
      }),
    )
    .max(100)
    .default([]),
  /** Certificates, as PEM, of the authorities that `https:` repositories are believed by instead of the system's. */
  caFile: path.optional(),
  /** The key for `ssh:` repositories, and the hosts that are believed. Without it: pushes as the runner's user, and no key to read with. */
  ssh: z.strictObject({ keyFile: sshPath, knownHostsFile: sshPath }).optional(),
});
export type GitAccessSettings = z.infer<typeof GitAccessSettingsSchema>;
export type GitAccessSettingsInput = z.input<typeof GitAccessSettingsSchema>;
