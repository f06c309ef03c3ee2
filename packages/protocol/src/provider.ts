import * as z from "zod";

/** The agents that Signalbox knows by name; `scripted` plays a file and asks no model. */
export const PROVIDERS = ["codex", "claude_code", "gemini_cli", "omnara", "scripted"] as const;
export type KnownProvider = (typeof PROVIDERS)[number];

/** An agent's provider: one of `PROVIDERS`, or `acp:<name>` for an agent that a runner's owner configures. */
export const ProviderIdSchema = z.union([
  z.enum(PROVIDERS),
  z.templateLiteral(["acp:", z.string().regex(/[a-z0-9][a-z0-9_-]{0,62}/)]),
]);
export type ProviderId = z.infer<typeof ProviderIdSchema>;
