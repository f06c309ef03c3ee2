import * as z from "zod";

import type { EventDefinition } from "../event.ts";

/** Every event of a runner's stream. */
export const RUNNER_EVENTS = {
  "runner.registered": { meaning: "A runner joined the fleet.", data: z.object({ hostname: z.string() }) },
  "runner.online": { meaning: "A runner is reachable.", data: z.object({}) },
  "runner.offline": { meaning: "Nothing was heard of a runner for too long.", data: z.object({}) },
  "runner.draining": { meaning: "A runner gets no new work.", data: z.object({}) },
  "runner.resumed": { meaning: "A runner that was draining takes work again.", data: z.object({}) },
  "runner.deregistered": {
    meaning: "A runner left for good; its key is refused.",
    data: z.object({ reason: z.string().optional() }),
  },
} as const satisfies Record<string, EventDefinition>;
export type RunnerEventType = keyof typeof RUNNER_EVENTS;
/** What an event of a type carries. */
export type RunnerEventData<Type extends RunnerEventType> = z.input<(typeof RUNNER_EVENTS)[Type]["data"]>;
