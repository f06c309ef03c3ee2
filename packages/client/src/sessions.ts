import {
  ApprovalSchema,
  pageSchema,
  PublicationReportSchema,
  PublicationSchema,
  SessionDiffSchema,
  SessionSchema,
  type Approval,
  type CreateSessionInput,
  type EventRecord,
  type Page,
  type PaginationParams,
  type Publication,
  type PublicationReport,
  type PublishSessionInput,
  type Session,
  type SessionDiff,
  type SessionState,
} from "@signalbox/protocol";
import * as z from "zod";

import type { FollowOptions } from "./follow.ts";
import type { CallOptions, Requester } from "./request.ts";
import { watchSession, type Gap } from "./watch.ts";

const SessionPageSchema = pageSchema(SessionSchema);
const PublicationListSchema = z.object({ items: z.array(PublicationReportSchema) });
const SentInputSchema = SessionSchema.extend({ inputId: z.string() });

/** A session to open; the org is the caller's. */
export type OpenSession = Omit<CreateSessionInput, "orgId">;

/** Agents at work: opened, spoken to, held, and ended. */
export class SessionsClient {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  /** Opens a session; it waits for a machine that has its agent. */
  create(request: OpenSession, options?: CallOptions): Promise<Session> {
    return this.#requester.json({ method: "POST", path: "/sessions", body: request, ...options }, SessionSchema);
  }

  get(sessionId: string, options?: CallOptions): Promise<Session> {
    return this.#requester.json({ path: pathOf(sessionId), ...options }, SessionSchema);
  }

  /**
   * What the agent has changed against the commit that it began from: live from its machine while it works, as it was kept
   * after that. `document` names an earlier diff.
   */
  diff(sessionId: string, query: { readonly document?: string } = {}, options?: CallOptions): Promise<SessionDiff> {
    const path = `${pathOf(sessionId)}/diff`;
    return this.#requester.json({ path, query: { ...query }, ...options }, SessionDiffSchema);
  }

  /**
   * Asks leave to push exactly what the agent has changed to a branch, and to open a pull request. Once it is approved, its run
   * has what became of it.
   */
  publish(sessionId: string, request: PublishSessionInput, options?: CallOptions): Promise<Publication> {
    const path = `${pathOf(sessionId)}/publish`;
    return this.#requester.json({ method: "POST", path, body: request, ...options }, PublicationSchema);
  }

  /** What was to be published of a session, newest first, and what became of each. */
  publications(sessionId: string, options?: CallOptions): Promise<{ items: PublicationReport[] }> {
    return this.#requester.json({ path: `${pathOf(sessionId)}/publications`, ...options }, PublicationListSchema);
  }

  /** Sessions, newest first. */
  list(
    query: Partial<PaginationParams> & { readonly state?: SessionState } = {},
    options?: CallOptions,
  ): Promise<Page<Session>> {
    return this.#requester.json({ path: "/sessions", query: { ...query }, ...options }, SessionPageSchema);
  }

  /** The events of a session, live, until it has ended. Reconnects by itself; see `runs.watch`. */
  watch(sessionId: string, options?: FollowOptions): AsyncGenerator<EventRecord | Gap, void, undefined> {
    return watchSession(this.#requester, sessionId, options);
  }

  /** Says something to the agent: as its next turn, or (`steer`) into the one that goes on. */
  say(
    sessionId: string,
    request: { readonly text: string; readonly delivery?: "queue" | "steer" },
    options?: CallOptions,
  ): Promise<Session & { inputId: string }> {
    const path = `${pathOf(sessionId)}/inputs`;
    return this.#requester.json({ method: "POST", path, body: request, ...options }, SentInputSchema);
  }

  /** Takes back what the agent has not been given. */
  withdraw(sessionId: string, inputId: string, options?: CallOptions): Promise<Session> {
    const path = `${pathOf(sessionId)}/inputs/${encodeURIComponent(inputId)}`;
    return this.#requester.json({ method: "DELETE", path, ...options }, SessionSchema);
  }

  /** Puts all inputs that wait into another order. */
  reorder(sessionId: string, inputIds: readonly string[], options?: CallOptions): Promise<Session> {
    const path = `${pathOf(sessionId)}/inputs`;
    return this.#requester.json({ method: "PUT", path, body: { inputIds }, ...options }, SessionSchema);
  }

  /** Stops the turn that goes on; the session stays. */
  interrupt(sessionId: string, options?: CallOptions): Promise<Session> {
    return this.#post(sessionId, "interrupt", {}, options);
  }

  pause(sessionId: string, options?: CallOptions): Promise<Session> {
    return this.#post(sessionId, "pause", {}, options);
  }

  resume(sessionId: string, options?: CallOptions): Promise<Session> {
    return this.#post(sessionId, "resume", {}, options);
  }

  /** Ends a session: in good order when its agent has nothing to do, else by stopping it. */
  stop(sessionId: string, request: { readonly reason?: string } = {}, options?: CallOptions): Promise<Session> {
    return this.#post(sessionId, "stop", request, options);
  }

  /** Asks leave for an action; the session waits for the answer. */
  requestApproval(
    sessionId: string,
    request: {
      readonly action: string;
      readonly description?: string;
      readonly context?: Readonly<Record<string, unknown>>;
    },
    options?: CallOptions,
  ): Promise<Approval> {
    const path = `${pathOf(sessionId)}/approvals`;
    return this.#requester.json({ method: "POST", path, body: request, ...options }, ApprovalSchema);
  }

  #post(sessionId: string, verb: string, body: object, options?: CallOptions): Promise<Session> {
    return this.#requester.json(
      { method: "POST", path: `${pathOf(sessionId)}/${verb}`, body, ...options },
      SessionSchema,
    );
  }
}

function pathOf(sessionId: string): string {
  return `/sessions/${encodeURIComponent(sessionId)}`;
}
