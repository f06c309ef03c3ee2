import * as z from "zod";

import { ActorSchema } from "../actor.ts";
import { limit } from "../limits.ts";
import { TimestampSchema } from "../timestamp.ts";
import { PLUGIN_TRANSITIONS, type PluginState } from "./plugin-states.ts";

export const PluginStateSchema = z.enum(Object.keys(PLUGIN_TRANSITIONS) as [PluginState, ...PluginState[]]);

/** What a plugin is called by everybody: one level of a topic. */
export const PluginNameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/,
    "a plugin's name has 1 to 64 letters, digits, '_' or '-' and begins with no sign",
  );

/** A manifest as it stands in its file. What each key means, and which are refused, is the business of `@signalbox/plugins`. */
export const PluginManifestSchema = z.record(z.string(), z.unknown());
export type PluginManifestDocument = z.infer<typeof PluginManifestSchema>;

/** The hash of a manifest, as `manifestHash` of `@signalbox/plugins` takes it: sha256 in hex. */
export const ManifestHashSchema = z.string().regex(/^[0-9a-f]{64}$/, "must be a sha256 in hex");

/** Where a plugin runs: started by the server from its plugins folder, or elsewhere by somebody who holds its token. */
export const PLUGIN_ORIGINS = ["folder", "elsewhere"] as const;
export const PluginOriginSchema = z.enum(PLUGIN_ORIGINS);
export type PluginOrigin = z.infer<typeof PluginOriginSchema>;

/** A plugin that runs elsewhere becomes known, or comes with another manifest. */
export const RegisterPluginRequestSchema = z.strictObject({ manifest: PluginManifestSchema });
export type RegisterPluginRequest = z.infer<typeof RegisterPluginRequestSchema>;

/** A yes to one manifest. The hash must be the one that the plugin has now, else nothing is approved. */
export const ApprovePluginRequestSchema = z.strictObject({ manifestHash: ManifestHashSchema });
export type ApprovePluginRequest = z.infer<typeof ApprovePluginRequestSchema>;

export const RevokePluginRequestSchema = z.strictObject({ reason: z.string().min(1).max(200).optional() });
export type RevokePluginRequest = z.infer<typeof RevokePluginRequestSchema>;

export const CreatePluginTokenRequestSchema = z.strictObject({
  expiresInMs: z.int().min(1_000).max(limit("token.lifeMs")).optional(),
});
export type CreatePluginTokenRequest = z.infer<typeof CreatePluginTokenRequestSchema>;

/** What the server's own process of a plugin is at. */
export const PLUGIN_PROCESS_STATES = ["stopped", "starting", "running", "stopping", "waiting", "failed"] as const;

/** A plugin as everybody with `plugins:read` sees it. */
export const PluginSchema = z.object({
  id: z.string(),
  orgId: z.string(),
  name: z.string(),
  version: z.string(),
  state: PluginStateSchema,
  origin: PluginOriginSchema,
  /** Of the manifest that it has now: what an approval must name. */
  manifestHash: z.string(),
  approvedAt: TimestampSchema.optional(),
  approvedBy: ActorSchema.optional(),
  /** Whether its connection to the bus is open now. */
  connected: z.boolean(),
  connectedAt: TimestampSchema.optional(),
  breaker: z.enum(["closed", "open", "half-open"]),
  /** Absent where this server does not start it. */
  process: z
    .object({
      state: z.enum(PLUGIN_PROCESS_STATES),
      pid: z.int().optional(),
      startedAt: TimestampSchema.optional(),
      /** Times that it was started again after it ended by itself. */
      restarts: z.int(),
    })
    .optional(),
  lastFailure: z.object({ message: z.string(), at: TimestampSchema }).optional(),
  registeredAt: TimestampSchema,
  updatedAt: TimestampSchema,
});
export type Plugin = z.infer<typeof PluginSchema>;

/** What its manifest lets a plugin do on the bus once it is approved, beside its own topics `plugin/<name>/**`. */
export const PluginAccessSchema = z.object({
  /** Topics that it may send on. */
  publish: z.array(z.string()),
  /** Topics that it may subscribe to. */
  subscribe: z.array(z.string()),
  /** Plugins that it may send requests to; `*` is every one. */
  request: z.array(z.string()),
  /** Plugins whose RPC methods it may call; `*` is every one. */
  call: z.array(z.string()),
  /** Whether it may have RPC methods itself. */
  serve: z.boolean(),
});
export type PluginAccess = z.infer<typeof PluginAccessSchema>;

/** A line that a plugin's process wrote, or that this server has to say of it (`host`). */
export const PluginLogLineSchema = z.object({
  at: TimestampSchema,
  stream: z.enum(["stdout", "stderr", "host"]),
  text: z.string(),
});
export type PluginLogLine = z.infer<typeof PluginLogLineSchema>;

/** A plugin with everything that somebody must see to approve it, or to find out what is wrong with it. */
export const PluginDetailsSchema = PluginSchema.extend({
  manifest: PluginManifestSchema,
  /** Its `routing-config.json`, where there is one; the hash covers both. */
  routingConfig: PluginManifestSchema.optional(),
  access: PluginAccessSchema,
  /** The last lines that its process wrote; empty where this server does not start it. */
  log: z.array(PluginLogLineSchema),
});
export type PluginDetails = z.infer<typeof PluginDetailsSchema>;

/** A folder in the plugins folder that cannot be used, and everything that is wrong with it. */
export const PluginProblemSchema = z.object({
  folder: z.string(),
  issues: z.array(z.object({ path: z.string(), message: z.string() })),
});
export type PluginProblem = z.infer<typeof PluginProblemSchema>;

/** Every plugin of an org by name, and what in the plugins folder is none. */
export const PluginListSchema = z.object({ items: z.array(PluginSchema), problems: z.array(PluginProblemSchema) });
export type PluginList = z.infer<typeof PluginListSchema>;

/** The last lines of a plugin's process. */
export const PluginLogSchema = z.object({ plugin: z.string(), lines: z.array(PluginLogLineSchema) });
export type PluginLog = z.infer<typeof PluginLogSchema>;

/** A new token with which a plugin connects from elsewhere; `token` is shown this once. */
export const PluginTokenSchema = z.object({
  id: z.string(),
  plugin: z.string(),
  token: z.string(),
  expiresAt: TimestampSchema.optional(),
});
export type PluginToken = z.infer<typeof PluginTokenSchema>;

/** Where a plugin that runs elsewhere opens its WebSocket, with its token as bearer. */
export const PLUGIN_LINK_PATH = "/api/v1/bus";
