import { z } from "zod";
import { limit } from "../limits.ts";
import { globProblem } from "../matching/glob.ts";
import { wordsOf } from "../matching/keywords.ts";
import { canonicalTopicOf, topicProblem } from "./manifest-topics.ts";
import { isRelativeInside } from "./relative-path.ts";

const wholeNumber = (least: number, most: number) =>
  z
    .int({ error: `a whole number from ${least} to ${most}` })
    .min(least)
    .max(most);

const withoutHidden = (text: string): boolean => !/[\p{C}\p{Zl}\p{Zp}]/u.test(text) && text.trim() === text;

const word = (what: string) =>
  z
    .string({ error: `${what} of 1 to ${limit("manifest.wordLength")} characters` })
    .min(1)
    .max(limit("manifest.wordLength"))
    .refine(withoutHidden, { error: `${what} without control characters, and without blanks at its ends` });

const listOf = <Entry extends z.ZodType>(entry: Entry, most: number) => z.array(entry).max(most).default([]);

const words = (what: string) => listOf(word(what), limit("manifest.words"));

/** A plugin's name, which is its id on the bus: one level of a topic. `system` and `anonymous` are taken. */
export const PluginIdSchema = z
  .string({ error: "a plugin's name" })
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, {
    error: "1 to 64 letters, digits, `-` and `_`, the first a letter or digit",
  })
  .refine((name) => name !== "system" && name !== "anonymous", { error: "another name: this one is the host's" });

const pluginIds = listOf(PluginIdSchema, limit("manifest.words"));

const topics = listOf(
  z
    .string({ error: "a topic" })
    .superRefine((topic, context) => {
      const problem = topicProblem(topic);
      if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
    })
    .transform(canonicalTopicOf),
  limit("topic.perPlugin"),
);

const globs = listOf(
  z.string({ error: "a glob" }).superRefine((glob, context) => {
    const problem = globProblem(glob);
    if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
  }),
  limit("glob.perPlugin"),
);

const keywords = listOf(
  word("a keyword").refine((keyword) => wordsOf(keyword).length > 0, { error: "a keyword with a letter or a digit" }),
  limit("manifest.words"),
);

/** What a plugin is good at, in words of your own choosing; the router compares them with those of a request. */
export const CapabilitiesSchema = z.strictObject({
  domains: words("a domain"),
  contexts: words("a context"),
  patterns: words("a pattern"),
  integrations: words("an integration"),
});
export type Capabilities = z.output<typeof CapabilitiesSchema>;

const routingFields = {
  priority: wholeNumber(0, limit("manifest.priority")).default(100),
  keywords,
  contextPatterns: globs,
  acceptsRoutingFrom: pluginIds,
  canRouteTo: pluginIds,
};

/** Which requests a plugin wants, from whom it takes them and to whom it may hand on. */
export const RoutingSchema = z.strictObject(routingFields);
export type Routing = z.output<typeof RoutingSchema>;

/** `routing-config.json`: fields of `routing` that take the place of the manifest's, one by one. */
export const RoutingConfigSchema = z.strictObject({
  priority: z.exactOptional(routingFields.priority.unwrap()),
  keywords: z.exactOptional(routingFields.keywords.unwrap()),
  contextPatterns: z.exactOptional(routingFields.contextPatterns.unwrap()),
  acceptsRoutingFrom: z.exactOptional(routingFields.acceptsRoutingFrom.unwrap()),
  canRouteTo: z.exactOptional(routingFields.canRouteTo.unwrap()),
});
export type RoutingConfig = z.output<typeof RoutingConfigSchema>;

const MessageBusSchema = z.strictObject({ enabled: z.boolean().default(true), topics, subscriptions: topics });

const RpcSchema = z.strictObject({
  enabled: z.boolean().default(true),
  endpoint: z.string().optional(),
  methods: words("a method"),
});

const CircuitBreakerSchema = z.strictObject({
  enabled: z.boolean().default(true),
  threshold: wholeNumber(1, limit("breaker.threshold")).default(5),
  timeout: wholeNumber(1, limit("breaker.timeMs")).default(60_000),
  halfOpenRetries: wholeNumber(1, limit("breaker.halfOpenRetries")).default(3),
  monitoringWindow: wholeNumber(1, limit("breaker.timeMs")).default(300_000),
});
export type BreakerSettings = z.output<typeof CircuitBreakerSchema>;

const RetryPolicySchema = z.strictObject({
  maxRetries: wholeNumber(0, limit("retry.retries")).default(3),
  backoff: z.enum(["exponential", "fixed"]).default("exponential"),
  initialDelay: wholeNumber(0, limit("retry.delayMs")).default(1_000),
  maxDelay: wholeNumber(0, limit("retry.delayMs")).default(10_000),
});
export type RetryPolicy = z.output<typeof RetryPolicySchema>;

/**
 * `.claude-plugin/plugin.json` as the guide has it, with every default filled in. Inside our own blocks an unknown key is
 * refused; beside them the keys of other readers of the file are left alone.
 */
export const PluginManifestSchema = z.object({
  name: PluginIdSchema,
  version: z
    .string()
    .max(limit("manifest.versionLength"))
    .regex(/^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/, { error: "a version such as 1.0.0" }),
  description: z.string().max(4_000).optional(),
  main: z.string().refine(isRelativeInside, { error: "a relative path inside the plugin's folder" }).optional(),
  capabilities: CapabilitiesSchema.prefault({}),
  routing: RoutingSchema.prefault({}),
  communication: z
    .strictObject({ messagebus: MessageBusSchema.prefault({}), rpc: RpcSchema.prefault({ enabled: false }) })
    .prefault({}),
  errorHandling: z
    .strictObject({ circuitBreaker: CircuitBreakerSchema.prefault({}), retryPolicy: RetryPolicySchema.prefault({}) })
    .prefault({}),
});
export type PluginManifest = z.output<typeof PluginManifestSchema>;
