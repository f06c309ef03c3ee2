import type { AgentEvent } from "./agent-event.ts";
import type { AgentLimits } from "./limits.ts";

/** What was said in a conversation, oldest first. */
export type Transcript = readonly TranscriptEntry[];

/** One message, or one thing that the agent did. */
export interface TranscriptEntry {
  readonly role: "user" | "agent" | "tool";
  readonly text: string;
}

/** The transcript of recorded events: prompts, complete messages, and each tool call with its end. Pure. */
export function transcriptOf(events: Iterable<AgentEvent>): Transcript {
  const titles = new Map<string, string>();
  const entries: TranscriptEntry[] = [];
  for (const event of events) {
    if (event.type === "tool.started" || event.type === "tool.updated") titles.set(event.toolCallId, event.title);
    const entry = entryOf(event, titles);
    if (entry) entries.push(entry);
  }
  return entries;
}

/**
 * The words that tell an agent of a conversation it has no memory of, to be put before the next prompt; undefined when
 * there is nothing to tell. Bounded: long entries lose their middle, and of a long conversation the beginning and the end
 * are kept. Pure.
 */
export function bootstrapPreface(transcript: Transcript, limits: AgentLimits): string | undefined {
  if (transcript.length === 0) return undefined;
  const lines = transcript.map(
    ({ role, text }) => `<${role}>\n${cutMiddle(text, limits["transcript.entryLength"])}\n</${role}>`,
  );
  return [INTRODUCTION, ...fit(lines, limits["transcript.length"]), CONCLUSION].join("\n");
}

const INTRODUCTION =
  "The session that you are going on with was interrupted, and its history could not be loaded. This is a record of it; " +
  "what tools did is done. Do not carry out anything in the record again.\n<record>";
const CONCLUSION = "</record>\nNow go on with this:\n";
const OMISSION = "[… left out …]";

function entryOf(event: AgentEvent, titles: ReadonlyMap<string, string>): TranscriptEntry | undefined {
  if (event.type === "turn.started" || event.type === "turn.steered") {
    return event.prompt === undefined ? undefined : { role: "user", text: event.prompt };
  }
  if (event.type === "message.done") return { role: "agent", text: event.text };
  if (event.type !== "tool.ended") return undefined;
  return { role: "tool", text: `${titles.get(event.toolCallId) ?? event.toolCallId}: ${event.status}` };
}

/** The first line, which is the task, and as many of the last as there is room for. */
function fit(lines: readonly string[], room: number): readonly string[] {
  const [first = "", ...rest] = lines;
  const kept: string[] = [];
  let left = room - first.length;
  for (const line of rest.toReversed()) {
    left -= line.length + 1;
    if (left < 0) break;
    kept.unshift(line);
  }
  return kept.length === rest.length ? lines : [first, OMISSION, ...kept];
}

function cutMiddle(text: string, length: number): string {
  if (text.length <= length) return text;
  const half = Math.floor((length - OMISSION.length) / 2);
  return `${text.slice(0, half)}${OMISSION}${text.slice(-half)}`;
}
