import { RUN_EVENTS, type EventRecord, type RunEventType } from "@signalbox/protocol";

type Tell = (data: Readonly<Record<string, unknown>>) => string;

/** What each event says in words; `text` of a field that is missing is nothing. */
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
} satisfies Partial<Record<RunEventType, Tell>>;

/** One readable sentence for any event. */
export function messageOf({ type, data }: EventRecord): string {
  if (Object.hasOwn(MESSAGES, type)) return MESSAGES[type as keyof typeof MESSAGES](data);
  return Object.hasOwn(RUN_EVENTS, type) ? RUN_EVENTS[type as RunEventType].meaning : type;
}

function because(reason: unknown): string {
  const words = text(reason);
  return words === "" ? "" : `: ${words}`;
}

function text(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}
