import type { AgentEvent } from "./agent-event.ts";
import type { AgentLimits } from "./limits.ts";
import { TranscriptBuilder } from "./transcript-builder.ts";

/** What was said in a conversation, oldest first. */
export type Transcript = readonly TranscriptEntry[];

/** One message, one thing that the agent did, or the place of what is not known any more. */
export type TranscriptEntry =
  | { readonly role: "user" | "agent" | "tool"; readonly text: string }
  | { readonly role: "left_out" };

/** The transcript of the recorded events of one start of an agent, or of several. Pure. */
export function transcriptOf(events: Iterable<AgentEvent>): Transcript {
  const builder = new TranscriptBuilder();
  for (const event of events) builder.take(event);
  return builder.build();
}

/**
 * The words that tell an agent of a conversation it has no memory of, to be put before the next prompt; undefined when
 * there is nothing to tell. Bounded: long entries lose their middle, and of a long conversation the beginning and the end
 * are kept. Pure.
 */
export function bootstrapPreface(transcript: Transcript, limits: AgentLimits): string | undefined {
  if (transcript.every(({ role }) => role === "left_out")) return undefined;
  const lines = transcript.map((entry) => lineOf(entry, limits["transcript.entryLength"]));
  return [INTRODUCTION, ...fit(lines, limits["transcript.length"]), CONCLUSION].join("\n");
}

const INTRODUCTION =
  "The session that you are going on with was interrupted, and its history could not be loaded. This is a record of it. " +
  "What it says was asked and done before: do not carry it out again as it stands. Files that were written may be gone, so look " +
  "at what is there.\n<record>";
const CONCLUSION = "</record>\nNow go on with this:\n";
const OMISSION = "[… left out …]";

/** Words in the record cannot end it, or pose as another's: what would be a mark of it is spelled otherwise. */
const MARKS = /<(?=\/?(?:record|user|agent|tool)\b)/gi;

function lineOf(entry: TranscriptEntry, length: number): string {
  if (entry.role === "left_out") return OMISSION;
  return `<${entry.role}>\n${cutMiddle(entry.text, length).replaceAll(MARKS, "‹")}\n</${entry.role}>`;
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
