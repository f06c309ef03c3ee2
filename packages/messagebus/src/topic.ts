import { InvalidTopicError } from "./errors.ts";
import type { BusLimits } from "./limits.ts";

/** Stands for exactly one level. */
export const ONE_LEVEL = "*";
/** Stands for one or more levels, and only at the end. `>` is another spelling of it. */
export const REMAINING_LEVELS = "**";

type TopicLimits = Pick<BusLimits, "topic.bytes" | "topic.levels">;

/** The canonical form of a topic to send on: `a.b` becomes `a/b`. Refuses wildcards with an InvalidTopicError. */
export function canonicalTopic(topic: unknown, limits: TopicLimits): string {
  if (isPlainly(topic, limits)) return topic;
  const levels = toLevels("topic", topic, limits);
  for (const level of levels) {
    if (isWildcard(level)) throw refusal("topic", topic, `${level} is a wildcard, and a message goes to one topic`);
    checkLevel("topic", topic, level);
  }
  return levels.join("/");
}

/** The canonical form of a pattern to subscribe to: `a.>` becomes `a/**`. */
export function canonicalPattern(pattern: unknown, limits: TopicLimits): string {
  const levels = toLevels("pattern", pattern, limits);
  for (const [index, level] of levels.entries()) {
    if (level === ONE_LEVEL) continue;
    if (!isWildcard(level)) checkLevel("pattern", pattern, level);
    else if (index < levels.length - 1) throw refusal("pattern", pattern, `${level} stands at the end only`);
    else levels[index] = REMAINING_LEVELS;
  }
  return levels.join("/");
}

/** Whether a canonical pattern matches a canonical topic. For single questions; a `TopicIndex` answers for many. */
export function matchesTopic(pattern: string, topic: string): boolean {
  const wanted = pattern.split("/");
  const levels = topic.split("/");
  for (const [index, level] of wanted.entries()) {
    if (level === REMAINING_LEVELS) return levels.length > index;
    if (index >= levels.length || (level !== ONE_LEVEL && level !== levels[index])) return false;
  }
  return wanted.length === levels.length;
}

const RESERVED = ["system", "routing"];

/** Whether only the host of the plugins may send on a canonical topic: `system/**` and `routing/**`. */
export function isReservedTopic(topic: string): boolean {
  return RESERVED.some(
    (level) => topic.startsWith(level) && (topic.length === level.length || topic[level.length] === "/"),
  );
}

/** The plugin that a canonical topic `plugin/<id>/…` belongs to; undefined for other topics. */
export function pluginOfTopic(topic: string): string | undefined {
  return /^plugin\/([^/]+)\/./.exec(topic)?.[1];
}

// Most topics are canonical and short, and one look tells.
function isPlainly(topic: unknown, limits: TopicLimits): topic is string {
  if (typeof topic !== "string" || topic.length > limits["topic.bytes"]) return false;
  // Of n characters there are at most (n + 1) / 2 levels.
  return topic.length < 2 * limits["topic.levels"] && PLAIN_TOPIC.test(topic);
}

const PLAIN_TOPIC = /^[A-Za-z0-9_:@-]+(?:\/[A-Za-z0-9_:@-]+)*$/;

function toLevels(kind: string, text: unknown, limits: TopicLimits): string[] {
  if (typeof text !== "string") throw new InvalidTopicError(`a ${kind} is a string, not ${typeof text}`);
  const most = limits["topic.bytes"];
  // A character is a byte at least, so that a huge text is refused unread.
  if (text.length > most || Buffer.byteLength(text) > most) {
    throw new InvalidTopicError(`a ${kind} has at most ${most} bytes; this one begins ${text.slice(0, 40)}`);
  }
  const levels = text.split(/[/.]/);
  if (levels.length > limits["topic.levels"]) {
    throw refusal(kind, text, `it has ${levels.length} levels, and at most ${limits["topic.levels"]} are allowed`);
  }
  return levels;
}

function isWildcard(level: string): boolean {
  return level === ONE_LEVEL || level === REMAINING_LEVELS || level === ">";
}

function checkLevel(kind: string, text: unknown, level: string): void {
  if (level === "") throw refusal(kind, text, "a level is empty");
  if (/[*>]/.test(level)) throw refusal(kind, text, `a wildcard is a whole level, unlike ${level}`);
  if (/[\s\p{Cc}\p{Cf}\p{Cs}]/u.test(level)) throw refusal(kind, text, "a level has spaces or control characters");
}

function refusal(kind: string, text: unknown, reason: string): InvalidTopicError {
  return new InvalidTopicError(`${JSON.stringify(text)} is not a ${kind}: ${reason}`);
}
