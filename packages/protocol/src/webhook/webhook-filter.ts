import * as z from "zod";

import type { EventDefinition } from "../event.ts";
import { PLUGIN_EVENTS } from "../plugin/plugin-events.ts";
import { RUN_EVENTS } from "../run/run-events.ts";
import { RUNNER_EVENTS } from "../runner/runner-events.ts";
import { SESSION_EVENTS } from "../session/session-events.ts";

/** Sent when somebody tests a webhook, to that webhook alone; no filter names it. */
export const WEBHOOK_TEST_EVENT = "webhook.test";

/** What is said many times a second, or says only how the work is carried out, is for readers of a stream. */
const STAYS_INSIDE = /^(step\.progress|attempt\..+|input\..+|usage\.updated)$/;

const STREAMS: readonly Readonly<Record<string, EventDefinition>>[] = [
  RUN_EVENTS,
  SESSION_EVENTS,
  RUNNER_EVENTS,
  PLUGIN_EVENTS,
];

/** Every type of event that a webhook can ask for. */
export const WEBHOOK_EVENT_TYPES: ReadonlySet<string> = new Set(
  STREAMS.flatMap((definitions) => Object.keys(definitions)).filter((type) => !STAYS_INSIDE.test(type)),
);

/** What a webhook is told when it does not say: how runs and sessions end, what they produce, and what waits for a decision. */
export const DEFAULT_WEBHOOK_FILTERS: readonly string[] = [
  "run.succeeded",
  "run.failed",
  "run.cancelled",
  "artifact.created",
  "gate.*",
  "approval.*",
  "session.completed",
  "session.failed",
  "session.timed_out",
];

/** A type of event, a family of them such as `approval.*`, or `*` for all. */
export const WebhookFilterSchema = z
  .string()
  .max(100)
  .refine(isFilter, "must be a type of event, a family such as approval.*, or *");

/** Whether one of the filters names a type of event. */
export function wantsEvent(filters: readonly string[], type: string): boolean {
  return WEBHOOK_EVENT_TYPES.has(type) && filters.some((filter) => covers(filter, type));
}

function isFilter(text: string): boolean {
  return [...WEBHOOK_EVENT_TYPES].some((type) => covers(text, type));
}

function covers(filter: string, type: string): boolean {
  if (filter === "*" || filter === type) return true;
  return filter.endsWith(".*") && filter.indexOf(".") === filter.length - 2 && type.startsWith(filter.slice(0, -1));
}
