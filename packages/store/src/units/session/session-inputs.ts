import type { Actor } from "@signalbox/protocol";
import { isFinal, limit, SESSION_TRANSITIONS } from "@signalbox/protocol";

import { inputIdOf } from "../../derived-ids.ts";
import { UnitRefusal } from "../../errors.ts";
import type { Statement } from "../../unit.ts";
import { once, type Answer, type Idempotency } from "../idempotency.ts";
import { speakNext } from "./session-queue.ts";
import { command, loadSession, saveSession, tell, type SessionChange, type SessionOutcome } from "./session-change.ts";

/** Whose session, and who acts. */
export interface SessionArgs {
  readonly sessionId: string;
  readonly orgId: string;
  readonly now: number;
  readonly actor: Actor;
  readonly idempotency?: Idempotency | undefined;
}

export interface SendInputArgs extends SessionArgs {
  readonly text: string;
  readonly delivery: "queue" | "steer";
}

export interface SentInput extends SessionOutcome {
  readonly inputId: string;
}

/**
 * Says something to the agent: into the turn that goes on (`steer`), or as a turn of its own, at once when the agent has nothing
 * to do and behind what waits otherwise.
 */
export function sendInput(args: SendInputArgs): Generator<Statement, Answer<SentInput>, unknown> {
  return once(args, say);
}

function* say(args: SendInputArgs): Generator<Statement, SentInput, unknown> {
  const change = yield* loadLive(args);
  const { row, progress } = change;
  if (progress.queue.length >= limit("session.queue")) {
    throw new UnitRefusal("INVALID_STATE", `${progress.queue.length} inputs wait in session ${row.id} already`, {
      limit: limit("session.queue"),
    });
  }
  progress.inputs += 1;
  const inputId = inputIdOf(row.id, progress.inputs);
  const { text, delivery } = args;
  tell(change, "input.queued", { inputId, text, delivery });
  if (delivery === "steer" && progress.isWorking) command(change, { kind: "steer", inputId, text });
  else progress.queue.push({ inputId, text, delivery, queuedAt: args.now });
  speakNext(change);
  return { ...(yield* saveSession(change, args)), inputId };
}

/** Takes back an input that the agent has not been given. */
export function* withdrawInput(
  args: SessionArgs & { readonly inputId: string },
): Generator<Statement, SessionOutcome, unknown> {
  const change = yield* loadLive(args);
  const { progress } = change;
  if (!progress.queue.some(({ inputId }) => inputId === args.inputId)) {
    throw new UnitRefusal("INPUT_NOT_FOUND", `no input ${args.inputId} waits in session ${change.row.id}`, {
      inputId: args.inputId,
    });
  }
  progress.queue = progress.queue.filter(({ inputId }) => inputId !== args.inputId);
  tell(change, "input.withdrawn", { inputId: args.inputId });
  return yield* saveSession(change, args);
}

/** Puts what waits into another order. The ids must be those of all inputs that wait. */
export function* reorderInputs(
  args: SessionArgs & { readonly inputIds: readonly string[] },
): Generator<Statement, SessionOutcome, unknown> {
  const change = yield* loadLive(args);
  const { progress } = change;
  const byId = new Map(progress.queue.map((input) => [input.inputId, input]));
  const isSame = byId.size === args.inputIds.length && new Set(args.inputIds).size === args.inputIds.length;
  const queue = args.inputIds.flatMap((id) => byId.get(id) ?? []);
  if (!isSame || queue.length !== byId.size) {
    throw new UnitRefusal("CONTENT_CHANGED", `other inputs wait in session ${change.row.id} than were named`, {
      inputIds: [...byId.keys()],
    });
  }
  progress.queue = queue;
  tell(change, "input.reordered", { inputIds: [...args.inputIds] });
  return yield* saveSession(change, args);
}

/** A session that has not ended, and is not about to. */
export function* loadLive(args: SessionArgs): Generator<Statement, SessionChange, unknown> {
  const change = yield* loadSession(args.sessionId, args.orgId);
  const { row, progress } = change;
  if (isFinal(SESSION_TRANSITIONS, row.state) || progress.reason !== null) {
    throw new UnitRefusal("INVALID_STATE", `session ${row.id} is ${row.state}, or about to end`, { state: row.state });
  }
  return change;
}
