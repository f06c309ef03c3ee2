import type { EventDefinition, EventRecord } from "./event.ts";
import { PLUGIN_EVENTS } from "./plugin/plugin-events.ts";
import { RUN_EVENTS, type RunEventType } from "./run/run-events.ts";
import { RUNNER_EVENTS } from "./runner/runner-events.ts";
import { SESSION_EVENTS, type SessionEventType } from "./session/session-events.ts";
import { WEBHOOK_TEST_EVENT } from "./webhook/webhook-filter.ts";

type Tell = (data: Readonly<Record<string, unknown>>) => string;

const MEANINGS: Readonly<Record<string, Pick<EventDefinition, "meaning">>> = {
  ...RUN_EVENTS,
  ...SESSION_EVENTS,
  ...RUNNER_EVENTS,
  ...PLUGIN_EVENTS,
  [WEBHOOK_TEST_EVENT]: { meaning: "A test of this webhook; nothing has happened." },
};

/** One readable sentence for any event, with what it carries. */
export function messageOf({ type, data }: Pick<EventRecord, "type" | "data">): string {
  return Object.hasOwn(MESSAGES, type) ? MESSAGES[type as keyof typeof MESSAGES](data) : meaningOf(type);
}

/** What an event of a type says, whatever it carries; the type itself where no table has it. */
export function meaningOf(type: string): string {
  return Object.hasOwn(MEANINGS, type) ? (MEANINGS[type]?.meaning ?? type) : type;
}

/** What events say in words, where that is more than their meaning; `text` of a field that is missing is nothing. */
const MESSAGES = {
  "run.created": (data) => `run created: ${text(data["goal"])}`,
  "run.started": () => "run started",
  "run.cancel_requested": (data) => `cancellation requested${because(data["reason"])}`,
  "run.succeeded": (data) => `run succeeded: ${text(data["goal"])}`,
  "run.failed": (data) => `run failed${because(data["error"])}`,
  "run.cancelled": (data) => `run cancelled${because(data["message"] ?? data["reason"])}`,
  "step.delayed": (data) =>
    `${text(data["name"])} will be tried again in ${text(data["delayMs"])} ms${because(data["message"])}`,
  "step.started": (data) => `${text(data["name"])} started`,
  "step.progress": (data) => `${text(data["name"])}${because(data["message"])}`,
  "step.finished": (data) =>
    `${text(data["name"])} ${text(data["status"])}${because(data["message"] ?? data["reason"])}`,
  "attempt.leased": (data) => `${text(data["name"])} was given to a runner`,
  "attempt.ended": (data) =>
    `an attempt at ${text(data["name"])} was ${text(data["status"])}${because(data["message"] ?? data["reason"])}`,
  "gate.pending": (data) => `${text(data["name"])} waits for a decision${because(data["description"])}`,
  "gate.approved": (data) => `${text(data["name"])} was approved${because(data["note"])}`,
  "gate.denied": (data) => `${text(data["name"])} was rejected${because(data["note"])}`,
  "gate.expired": (data) => `nobody answered ${text(data["name"])} in time`,
  "gate.superseded": (data) => `${text(data["name"])} needs no decision any more`,
  "artifact.created": (data) => `artifact created: ${text(data["path"])}`,
  "budget.exhausted": (data) => `the budget of the run is used up; ${text(data["name"])} waits`,
  "session.created": (data) => `session opened${because(data["title"])}`,
  "session.state_changed": (data) => `session is ${text(data["to"])}`,
  "session.completed": (data) => `session completed${because(data["message"])}`,
  "session.failed": (data) => `session failed${because(data["message"] ?? data["reason"])}`,
  "session.timed_out": (data) => `session timed out${because(data["message"] ?? data["reason"])}`,
  "turn.ended": (data) => `turn ${text(data["turn"])} ${text(data["status"])}${because(data["error"])}`,
  "approval.requested": (data) => `a decision is awaited${because(data["description"])}`,
  "approval.resolved": (data) => `${text(data["action"])} was ${text(data["state"])}${because(data["reason"])}`,
  "approval.refused": (data) => `a yes was not let through${because(data["message"])}`,
  "tool.denied": (data) => `${text(data["action"])} is not allowed${because(data["description"])}`,
  "publish.requested": (data) => `leave to publish is awaited${because(data["branch"])}`,
  "publish.succeeded": (data) => `published${because(data["pullRequestUrl"] ?? data["branch"])}`,
  "publish.failed": (data) => `not published${because(data["message"])}`,
  "diff.failed": (data) => `the diff cannot be told${because(data["message"])}`,
} satisfies Partial<Record<RunEventType | SessionEventType, Tell>>;

function because(reason: unknown): string {
  const words = text(reason);
  return words === "" ? "" : `: ${words}`;
}

function text(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}
