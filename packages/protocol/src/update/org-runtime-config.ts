import * as z from "zod";

/** The name of a channel of agent versions: `stable`, or another of the operator's. */
export const ChannelSchema = z.string().regex(/^[a-z][a-z0-9_-]{0,49}$/, "must be a word of lower-case letters");

/** Which agent versions an org wants. */
export const OrgRuntimeConfigRequestSchema = z.strictObject({
  channel: ChannelSchema,
  /** Whether new versions of the channel come by themselves. */
  autoUpgrade: z.boolean().default(true),
  /** Whether versions may come before they are known to be good. */
  betaOptIn: z.boolean().default(false),
});
export type OrgRuntimeConfigRequest = z.infer<typeof OrgRuntimeConfigRequestSchema>;
