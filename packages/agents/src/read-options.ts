import type * as z from "zod";

import { AgentError } from "./errors.ts";

/** A provider's own options. Throws `INVALID_SPEC` when they are not what the provider knows. */
export function readOptions<Options>(
  provider: string,
  schema: z.ZodType<Options>,
  options: Readonly<Record<string, unknown>> = {},
): Options {
  const read = schema.safeParse(options);
  if (read.success) return read.data;
  const problems = read.error.issues.map(({ path, message }) => `${path.join(".") || "options"}: ${message}`);
  throw new AgentError("INVALID_SPEC", `the options for ${provider} cannot be used: ${problems.join("; ")}`);
}
