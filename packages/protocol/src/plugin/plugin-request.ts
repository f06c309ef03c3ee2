import * as z from "zod";

import { limit } from "../limits.ts";
import { PluginNameSchema } from "./plugin.ts";

const words = z.array(z.string().min(1).max(64)).max(100);

/** What is known of a request when a plugin is looked for that can do it: whatever is there is compared. */
export const RoutePluginRequestSchema = z.strictObject({
  /** What is wanted, in words; compared with the plugins' keywords. */
  text: z.exactOptional(z.string().max(limit("plugin.textLength"))),
  /** Files that it is about, relative to their project, divided by slashes. */
  paths: z.exactOptional(z.array(z.string().min(1).max(1_024)).max(limit("plugin.paths"))),
  domains: z.exactOptional(words),
  contexts: z.exactOptional(words),
  patterns: z.exactOptional(words),
  integrations: z.exactOptional(words),
  /** What a plugin must have, each of it, to be thought of at all. */
  requires: z.exactOptional(
    z.strictObject({
      domains: z.exactOptional(words),
      contexts: z.exactOptional(words),
      patterns: z.exactOptional(words),
      integrations: z.exactOptional(words),
    }),
  ),
  /** The plugin that hands it on. Plugins say from whom they take work and to whom they give it; absent, everybody takes it. */
  from: z.exactOptional(PluginNameSchema),
});
export type RoutePluginRequest = z.infer<typeof RoutePluginRequestSchema>;

const PluginMatchSchema = z.object({
  /** What of the plugin fits: `domain`, `keyword`, `path` … */
  kind: z.string(),
  /** As it stands in the manifest. */
  term: z.string(),
  /** What it adds to the score. */
  points: z.number(),
});

/** Which plugins a request can go to, and why: best first; and why it cannot go to the others. */
export const PluginRouteSchema = z.object({
  requestId: z.string(),
  /** Absent where no plugin can be asked. */
  primaryPlugin: z.string().optional(),
  candidates: z.array(
    z.object({
      plugin: z.string(),
      score: z.number(),
      /** Decides between equal scores. */
      priority: z.number(),
      matches: z.array(PluginMatchSchema),
    }),
  ),
  leftOut: z.array(
    z.object({
      plugin: z.string(),
      /** Every reason, in a word for programs and in a sentence. */
      obstacles: z.array(z.object({ kind: z.string(), detail: z.string() })),
      matches: z.array(PluginMatchSchema),
    }),
  ),
});
export type PluginRoute = z.infer<typeof PluginRouteSchema>;

/** A request that is routed and sent: `payload` goes to `plugin/<name>/request`, its answer comes back. */
export const DispatchPluginRequestSchema = RoutePluginRequestSchema.extend({
  payload: z.record(z.string(), z.unknown()).default({}),
  /** For everybody who is asked together. */
  timeoutMs: z.int().min(1).max(limit("plugin.answerMaxMs")).default(limit("plugin.answerMs")),
});
export type DispatchPluginRequest = z.infer<typeof DispatchPluginRequestSchema>;
export type DispatchPluginInput = z.input<typeof DispatchPluginRequestSchema>;

/** What came of a request: who answered it, and what. A plugin that says in its answer that it failed has answered. */
export const PluginAnswerSchema = z.object({
  requestId: z.string(),
  plugin: z.string(),
  response: z.unknown(),
  route: PluginRouteSchema,
});
export type PluginAnswer = z.infer<typeof PluginAnswerSchema>;
