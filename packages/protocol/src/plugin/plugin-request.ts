import * as z from "zod";

import { limit } from "../limits.ts";
import { PluginNameSchema } from "./plugin.ts";

const words = z.array(z.string().min(1).max(64)).max(100);

/** What is known of a request when a plugin is looked for that can do it. */
export const RoutePluginRequestSchema = z.strictObject({
  /** What is wanted, in words. */
  text: z.string().max(limit("plugin.textLength")).default(""),
  /** Files that it is about, relative to their project, divided by slashes. */
  paths: z.array(z.string().min(1).max(1_024)).max(limit("plugin.paths")).default([]),
  domains: words.default([]),
  contexts: words.default([]),
  /** The plugin that hands it on; plugins say from whom they take work, and to whom they give it. */
  from: PluginNameSchema.optional(),
});
export type RoutePluginRequest = z.infer<typeof RoutePluginRequestSchema>;
export type RoutePluginInput = z.input<typeof RoutePluginRequestSchema>;

/** One plugin that was looked at, and why it stands where it stands. */
export const PluginCandidateSchema = z.object({
  plugin: z.string(),
  /** Whether it may be asked. */
  isEligible: z.boolean(),
  score: z.number(),
  /** What speaks for it, and what rules it out, a sentence each. */
  reasons: z.array(z.string()),
});
export type PluginCandidate = z.infer<typeof PluginCandidateSchema>;

/** Which plugin a request goes to, which are asked when that one cannot, and why: best first, those ruled out last. */
export const PluginRouteSchema = z.object({
  requestId: z.string(),
  primaryPlugin: z.string().optional(),
  fallbacks: z.array(z.string()),
  candidates: z.array(PluginCandidateSchema),
});
export type PluginRoute = z.infer<typeof PluginRouteSchema>;

/** A request that is routed and sent: `payload` goes to `plugin/<name>/request`, its answer comes back. */
export const DispatchPluginRequestSchema = RoutePluginRequestSchema.extend({
  payload: z.record(z.string(), z.unknown()).default({}),
  /** For all plugins that are asked together. */
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
