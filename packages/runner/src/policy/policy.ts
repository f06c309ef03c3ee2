import { TimestampSchema } from "@signalbox/protocol";
import * as z from "zod";

const PatternsSchema = z.array(z.string().min(1).max(1_000)).max(1_000);

/**
 * What the owner of a machine lets a control plane do on it. In patterns, `*` stands for any characters. The control
 * plane never sees it and cannot change it.
 */
export const RunnerPolicySchema = z.strictObject({
  orgs: PatternsSchema.default(["*"]),
  projects: PatternsSchema.default(["*"]),
  tools: PatternsSchema.default(["*"]),
  /** URLs of repositories. A `file:` URL needs `allowFileRepositories` as well. */
  repositories: PatternsSchema.default(["*"]),
  allowFileRepositories: z.boolean().default(false),
  /** Names of entries of this machine's environment that a step may see when its `envAllowed` names them too. */
  env: PatternsSchema.default([]),
  /** `required`: nothing runs here without a sandbox, whatever a step asks for. */
  sandbox: z.enum(["none", "required"]).default("none"),
  /** `none`: no step reaches the network, whatever it asks for. */
  network: z.enum(["none", "host"]).default("host"),
  /** The longest time limit that a step may have here, in milliseconds. Default: none. */
  maxTimeoutMs: z.int().min(1).optional(),
  /** From then on nothing runs until the owner has looked at the file again. Default: never. */
  expiresAt: TimestampSchema.optional(),
});
export type RunnerPolicy = z.infer<typeof RunnerPolicySchema>;
export type RunnerPolicyInput = z.input<typeof RunnerPolicySchema>;
