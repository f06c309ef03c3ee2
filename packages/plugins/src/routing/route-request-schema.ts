import { z } from "zod";
import { PluginError } from "../errors.ts";
import { limit } from "../limits.ts";
import { checkSchema } from "../manifest/check-schema.ts";
import { PluginIdSchema } from "../manifest/manifest.ts";

const words = z
  .array(z.string().min(1).max(limit("manifest.wordLength")))
  .max(limit("request.words"))
  .readonly();

/** Something that a plugin is wanted for. Everything but the id may be left out; what is there is compared. */
export const RouteRequestSchema = z.strictObject({
  /** Names the request in `routing/decision`, in the logs and to the plugin. */
  requestId: z
    .string()
    .min(1)
    .max(limit("request.idLength"))
    .regex(/^[^\p{C}\p{Zl}\p{Zp}]*$/u, { error: "an id without control characters" }),
  /** Words of the user; compared with the plugins' keywords. */
  text: z.exactOptional(z.string().max(limit("request.textLength"))),
  domains: z.exactOptional(words),
  contexts: z.exactOptional(words),
  patterns: z.exactOptional(words),
  integrations: z.exactOptional(words),
  /** Files that it is about, with slashes, relative to their project; compared with the plugins' globs. */
  paths: z.exactOptional(
    z
      .array(z.string().max(limit("request.pathLength")))
      .max(limit("request.paths"))
      .refine((paths) => paths.join("").length <= limit("request.pathsLength"), {
        error: `at most ${limit("request.pathsLength")} characters in all`,
      })
      .readonly(),
  ),
  /** The plugin that asks; left out, it is the host, whom every plugin serves. The caller vouches for it. */
  from: z.exactOptional(PluginIdSchema),
  /** Capabilities that a plugin must have, each of them, to be thought of at all. */
  requires: z.exactOptional(
    z.strictObject({
      domains: z.exactOptional(words),
      contexts: z.exactOptional(words),
      patterns: z.exactOptional(words),
      integrations: z.exactOptional(words),
    }),
  ),
});
export type RouteRequest = z.output<typeof RouteRequestSchema>;

/** A request to route that is not one. Trying again cannot help. */
export class InvalidRouteRequestError extends PluginError {
  override readonly name = "InvalidRouteRequestError";

  constructor(problems: readonly string[]) {
    super("REQUEST_INVALID", `this request cannot be routed: ${problems.join("; ")}`, { isRetryable: false });
  }
}

/** Throws an `InvalidRouteRequestError` that names every problem. */
export function checkRouteRequest(request: unknown): RouteRequest {
  const { output, problems } = checkSchema(RouteRequestSchema, request, "request");
  if (output !== undefined) return output;
  throw new InvalidRouteRequestError(
    problems.map(({ path, wanted, found }) => `${path || "it"}: wanted ${wanted}, found ${found}`),
  );
}
