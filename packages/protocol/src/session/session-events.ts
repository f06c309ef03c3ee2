import * as z from "zod";

import { SelfApprovalSchema } from "../access/decision-rule.ts";
import type { EventDefinition } from "../event.ts";
import { FailureReasonSchema } from "../run/failure-reasons.ts";
import { ANSWER_REFUSALS, ApprovalKindSchema } from "./approval.ts";
import { SessionEndReasonSchema } from "./end-reasons.ts";
import { DiffStatsSchema } from "./session-diff.ts";
import { SessionStateSchema } from "./session.ts";
import { UsageSchema } from "./usage.ts";

const input = { inputId: z.string() };
const approval = { approvalId: z.string(), kind: ApprovalKindSchema, action: z.string() };
const publication = { runId: z.string(), remote: z.string(), branch: z.string() };
const ending = { reason: SessionEndReasonSchema, message: z.string().optional() };

/**
 * Every event of a session's stream. What the agent says word by word is not here: it is the output stream `agent` of
 * the session's attempts.
 */
export const SESSION_EVENTS = {
  "session.created": {
    meaning: "A session was opened and waits for a runner.",
    data: z.object({ providerId: z.string(), title: z.string(), runId: z.string(), step: z.string() }),
  },
  "session.started": {
    meaning: "The agent is ready on a runner.",
    data: z.object({
      attemptId: z.string(),
      runnerId: z.string(),
      nativeSessionId: z.string().optional(),
      resumed: z.enum(["loaded", "bootstrapped", "fresh"]).optional(),
      resumeFailure: z.string().optional(),
      model: z.string().optional(),
    }),
  },
  "session.state_changed": {
    meaning: "The session went from one state to another.",
    data: z.object({ from: SessionStateSchema, to: SessionStateSchema }),
  },
  "session.interrupted": { meaning: "Its runner was lost; the session waits for another.", data: z.object({}) },
  "agent.ended": {
    meaning:
      "Somebody ended the session, and no process of its agent is left; what it said last may still be on its way.",
    data: z.object({ attemptId: z.string() }),
  },
  "input.queued": {
    meaning: "Something waits to be said to the agent.",
    data: z.object({ ...input, text: z.string(), delivery: z.enum(["queue", "steer"]) }),
  },
  "input.withdrawn": { meaning: "It was taken back before the agent heard it.", data: z.object(input) },
  "input.reordered": {
    meaning: "What waits has a new order.",
    data: z.object({ inputIds: z.array(z.string()) }),
  },
  "input.taken": { meaning: "The agent was given it.", data: z.object(input) },
  "input.returned": {
    meaning: "The agent was lost before it did anything about it; it will be told again.",
    data: z.object(input),
  },
  "turn.started": { meaning: "The agent began to work.", data: z.object({ turn: z.int() }) },
  "turn.ended": {
    meaning: "The agent has stopped working and waits.",
    data: z.object({
      turn: z.int(),
      status: z.enum(["completed", "cancelled", "failed"]),
      error: z.string().optional(),
    }),
  },
  "approval.requested": {
    meaning: "A decision is awaited.",
    data: z.object({
      ...approval,
      description: z.string(),
      contentHash: z.string(),
      expiresAt: z.string(),
      approvers: z.array(z.string()),
      selfApproval: SelfApprovalSchema.optional(),
    }),
  },
  "approval.resolved": {
    meaning: "Somebody, or the clock, decided.",
    data: z.object({
      ...approval,
      state: z.enum(["allowed", "denied", "expired", "superseded"]),
      reason: z.string().optional(),
    }),
  },
  "approval.refused": {
    meaning:
      "Somebody said yes, and the runner did not let the agent go on: the yes was to something else than it waits with, or of somebody who may not decide any more.",
    data: z.object({ ...approval, code: z.enum(ANSWER_REFUSALS), message: z.string() }),
  },
  "tool.denied": {
    meaning: "The agent wanted to do what its step does not allow, and was told no.",
    data: z.object({ action: z.string(), description: z.string() }),
  },
  "workspace.changed": {
    meaning: "How much the workspace differs from the commit that it began from.",
    data: DiffStatsSchema,
  },
  "diff.taken": {
    meaning: "The diff of the workspace was taken, because somebody asked or because the session ends.",
    data: z.object({
      requestId: z.string().nullable(),
      stats: DiffStatsSchema,
      tree: z.string(),
      diffHash: z.string(),
      document: z.string(),
    }),
  },
  "diff.failed": {
    meaning: "The diff that somebody asked for cannot be told.",
    data: z.object({ requestId: z.string(), message: z.string() }),
  },
  "publish.requested": {
    meaning:
      "Somebody wants what the agent changed to be published; a decision is awaited. This may come after the session's end.",
    data: z.object({
      ...publication,
      approvalId: z.string(),
      tree: z.string(),
      diffHash: z.string(),
      document: z.string(),
      stats: DiffStatsSchema,
      takenAt: z.string(),
      openPr: z.boolean(),
    }),
  },
  "publish.succeeded": {
    meaning: "What was approved is on its branch, and its pull request is open where that was wanted.",
    data: z.object({ ...publication, commit: z.string().optional(), pullRequestUrl: z.string().optional() }),
  },
  "publish.failed": {
    meaning: "It was denied, nobody answered in time, or it could not be published.",
    data: z.object({ ...publication, reason: FailureReasonSchema, message: z.string() }),
  },
  "usage.updated": { meaning: "What the agent has used so far.", data: z.object({ usage: UsageSchema }) },
  "session.completed": { meaning: "The session is over, and all is well.", data: z.object(ending) },
  "session.failed": { meaning: "The session is over without success.", data: z.object(ending) },
  "session.timed_out": { meaning: "The session's time was over.", data: z.object(ending) },
} as const satisfies Record<string, EventDefinition>;
export type SessionEventType = keyof typeof SESSION_EVENTS;
/** What an event of a type carries. */
export type SessionEventData<Type extends SessionEventType> = z.input<(typeof SESSION_EVENTS)[Type]["data"]>;

/** The events that end a session's stream. */
export const FINAL_SESSION_EVENTS: ReadonlySet<string> = new Set<SessionEventType>([
  "session.completed",
  "session.failed",
  "session.timed_out",
]);
