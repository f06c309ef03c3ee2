import * as z from "zod";

/** What a plugin may do on a bus that it reaches from outside; made from the manifest that was approved for it. */
export const PluginAccessSchema = z.strictObject({
  /** Patterns of the topics that it may send on, beside `plugin/<its id>/**`. */
  publish: z.array(z.string()).default([]),
  /** Patterns that it may subscribe to, and whatever is narrower, beside `plugin/<its id>/**`. */
  subscribe: z.array(z.string()).default([]),
  /** Ids of the plugins that it may ask; `*` is every plugin. */
  request: z.array(z.string()).default([]),
  /** Ids of the plugins whose RPC server it may call; `*` is every plugin. */
  call: z.array(z.string()).default([]),
  /** Whether it may have an RPC server. */
  serve: z.boolean().default(false),
});
export type PluginAccess = z.input<typeof PluginAccessSchema>;
