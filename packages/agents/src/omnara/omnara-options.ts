import * as z from "zod";

/** A public id as Omnara makes them: a prefix for its kind and 26 characters. */
function publicId(prefix: string): z.ZodString {
  return z
    .string()
    .regex(new RegExp(`^${prefix}_[a-z2-7]{26}$`), `must be an id of Omnara's that begins with ${prefix}_`);
}

export const OmnaraAgentIdSchema = publicId("agt");

/** What a spec's `options` must hold for Omnara: where its agents are launched, and which. */
export const OmnaraOptionsSchema = z.strictObject({
  org: publicId("org"),
  project: publicId("proj"),
  /** The agent configuration that agents are launched with: model, tools, permissions and machines stand there. */
  config: publicId("acfg"),
  /** The launch profile that they are filed under. Default: none. */
  profile: publicId("aprf").optional(),
});
export type OmnaraOptions = z.infer<typeof OmnaraOptionsSchema>;
