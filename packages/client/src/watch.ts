import {
  EventRecordSchema,
  FINAL_RUN_EVENTS,
  FINAL_SESSION_EVENTS,
  isFinal,
  OutputStreamSchema,
  RUN_TRANSITIONS,
  RunDetailsSchema,
  SESSION_TRANSITIONS,
  SessionSchema,
  type EventRecord,
  type OutputChunk,
  type OutputStream,
  type RunDetails,
} from "@signalbox/protocol";
import * as z from "zod";

import { UnexpectedAnswerError } from "./errors.ts";
import { follow, type FollowOptions, type Received } from "./follow.ts";
import type { Requester } from "./request.ts";
import type { SseMessage } from "./sse-parser.ts";
import { parseJson } from "./parse-json.ts";

/** The events that end a stream, of whichever kind. */
const FINAL_EVENTS: ReadonlySet<string> = new Set([...FINAL_RUN_EVENTS, ...FINAL_SESSION_EVENTS]);

/** Events that retention removed before they were read: those after `after` and before `earliest`. */
export interface Gap {
  readonly gap: { readonly after: number; readonly earliest: number };
}

/** Whether an item of a watched run stands for events that are gone. */
export function isGap(item: EventRecord | Gap): item is Gap {
  return "gap" in item;
}

/**
 * The events of a run after a cursor, live, each once and in order; ends after the event that ends the run. What
 * retention has removed comes as one `Gap`. Reconnects by itself.
 */
export function watchRun(
  requester: Requester,
  runId: string,
  options: FollowOptions = {},
): AsyncGenerator<EventRecord | Gap, void, undefined> {
  const path = `/runs/${encodeURIComponent(runId)}`;
  return follow(
    requester,
    {
      request: { path: `${path}/stream` },
      receive: receiveEvent,
      isComplete: async (after) => {
        const { run } = await readRun(requester, path, options.signal);
        return isFinal(RUN_TRANSITIONS, run.status) && run.lastSeq <= after;
      },
    },
    options,
  );
}

/** The events of a session after a cursor, as `watchRun` has those of a run. */
export function watchSession(
  requester: Requester,
  sessionId: string,
  options: FollowOptions = {},
): AsyncGenerator<EventRecord | Gap, void, undefined> {
  const path = `/sessions/${encodeURIComponent(sessionId)}`;
  return follow(
    requester,
    {
      request: { path: `${path}/stream` },
      receive: receiveEvent,
      isComplete: async (after) => {
        const session = await requester.json({ path, signal: options.signal }, SessionSchema);
        return isFinal(SESSION_TRANSITIONS, session.state) && session.lastSeq <= after;
      },
    },
    options,
  );
}

/** Which output is watched. */
export interface WatchOutputOptions extends FollowOptions {
  readonly step?: string | undefined;
  /** Whether to wait for what is yet to come, until the run has ended. Default true. */
  readonly follow?: boolean | undefined;
  /** Default: what the run's programs wrote; `agent` is what an agent says, as lines of JSON. */
  readonly stream?: OutputStream | undefined;
}

/**
 * The output of a run, or of one of its steps, in the order stored, each piece once. A piece with `gap` stands for
 * bytes that are lost. Reconnects by itself.
 */
export function watchOutput(
  requester: Requester,
  runId: string,
  options: WatchOutputOptions = {},
): AsyncGenerator<OutputChunk, void, undefined> {
  const path = `/runs/${encodeURIComponent(runId)}`;
  const isFollowed = options.follow ?? true;
  let hadRunEnded = !isFollowed;
  return follow(
    requester,
    {
      request: { path: `${path}/output`, query: { step: options.step, stream: options.stream, follow: isFollowed } },
      receive: (message, after) => receiveChunk(runId, message, after),
      // A server that stops, or a proxy, may end a stream early and in good order. Nothing is left only where a
      // connection made after the end of the run brought nothing.
      isComplete: async (_, isNew) => {
        if (hadRunEnded && !isNew) return true;
        hadRunEnded ||= isFinal(RUN_TRANSITIONS, (await readRun(requester, path, options.signal)).run.status);
        return false;
      },
    },
    options,
  );
}

function readRun(requester: Requester, path: string, signal: AbortSignal | undefined): Promise<RunDetails> {
  return requester.json({ path, signal }, RunDetailsSchema);
}

const GapSchema = z.object({ earliest: z.int().min(1) });

function receiveEvent(message: SseMessage, after: number): Received<EventRecord | Gap> | undefined {
  if (message.event === "gap") {
    const { earliest } = read(GapSchema, message);
    return earliest <= after + 1 ? undefined : { items: [{ gap: { after, earliest } }], after: earliest - 1 };
  }
  if (message.event !== "message") return undefined;
  const event = read(EventRecordSchema, message);
  if (event.seq <= after) return undefined;
  // Streams have no holes, so a jump without a word is told as loudly as a gap.
  const jump = event.seq > after + 1 ? [{ gap: { after, earliest: event.seq } }] : [];
  return { items: [...jump, event], after: event.seq, isLast: FINAL_EVENTS.has(event.type) };
}

const ChunkSchema = z.object({
  step: z.string(),
  attemptId: z.string(),
  stream: OutputStreamSchema,
  offset: z.int(),
  length: z.int(),
  text: z.string().optional(),
  base64: z.string().optional(),
  gap: z.string().optional(),
});

function receiveChunk(runId: string, message: SseMessage, after: number): Received<OutputChunk> | undefined {
  if (message.event !== "message") return undefined;
  const seq = Number(message.id);
  if (!(seq > after)) return undefined;
  const { text, base64, gap, ...chunk } = read(ChunkSchema, message);
  const bytes = base64 === undefined ? new TextEncoder().encode(text ?? "") : decodeBase64(base64);
  return { items: [{ runId, seq, ...chunk, bytes, ...(gap === undefined ? {} : { gap }) }], after: seq };
}

function decodeBase64(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

function read<T>(schema: z.ZodType<T>, message: SseMessage): T {
  const result = schema.safeParse(parseJson(message.data));
  if (result.success) return result.data;
  throw new UnexpectedAnswerError(
    `the event stream holds what this version of the client does not understand`,
    "",
    200,
    { cause: result.error },
  );
}
