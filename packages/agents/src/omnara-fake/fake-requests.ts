import * as z from "zod";

// Requests have no other fields than these: `additionalProperties: false` stands at each of them.
export const CreateAgentSchema = z.strictObject({
  config: z.string().regex(/^acfg_[a-z2-7]{26}$/),
  profile: z
    .string()
    .regex(/^aprf_[a-z2-7]{26}$/)
    .optional(),
  name: z.string(),
  message: z.string().optional(),
});
export const InputSchema = z.strictObject({
  content_blocks: z.array(z.strictObject({ type: z.literal("text"), text: z.string() })),
  delivery_mode: z.enum(["queued", "steering"]).optional(),
  cancel_open_interactions: z.boolean().optional(),
});
export const ResolveSchema = z.strictObject({
  answers: z
    .array(z.strictObject({ option_indices: z.array(z.int().min(0)).min(1), text: z.string().optional() }))
    .min(1),
});

/** An operation of the published API, and the ids in its path. */
export interface Route {
  readonly operation: string;
  readonly ids: readonly string[];
}

const AGENTS = "/api/v1/orgs/(org_[a-z2-7]{26})/projects/(proj_[a-z2-7]{26})/agents";
const AGENT = `${AGENTS}/(agt_[a-z2-7]{26})`;
const ROUTES: readonly [string, string, string][] = [
  ["POST", AGENTS, "createAgent"],
  ["GET", AGENT, "getAgent"],
  ["POST", `${AGENT}/archive`, "archiveAgent"],
  ["POST", `${AGENT}/inputs`, "createAgentInput"],
  ["POST", `${AGENT}/inputs/(ain_[a-z2-7]{26})/cancel`, "cancelQueuedBacklogInput"],
  ["POST", `${AGENT}/cancel`, "cancelAgent"],
  ["GET", `${AGENT}/events`, "listEvents"],
  ["GET", `${AGENT}/events/stream`, "streamEvents"],
  ["GET", `${AGENT}/interactions`, "listAgentInteractions"],
  ["POST", `${AGENT}/interactions/(int_[a-z2-7]{26})/resolve`, "resolveAgentInteraction"],
];

/** The operation that a request is for. Undefined: none that is published. */
export function routeOf(method: string, path: string): Route | undefined {
  for (const [verb, pattern, operation] of ROUTES) {
    const match = verb === method ? new RegExp(`^${pattern}$`).exec(path) : null;
    if (match) return { operation, ids: match.slice(1) };
  }
  return undefined;
}

/** What an operation answers that it does not carry out. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string) {
    super(code);
    this.status = status;
    this.code = code;
  }
}
