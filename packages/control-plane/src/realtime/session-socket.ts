import { createServer, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import {
  type EventRecord,
  type LimitLookup,
  type Principal,
  SESSION_SOCKET_PATH,
  type SessionEventData,
  toTimestamp,
} from "@signalbox/protocol";
import { readApproval, readSession, type SessionRow, type SignalboxStore } from "@signalbox/store";

import type { TokenHandler } from "../access/token-handler.ts";
import type { Clock } from "../clock.ts";
import type { EventFeed } from "../events/event-feed.ts";
import type { SessionHandler } from "../session/session-handler.ts";
import type { SessionLog } from "../session/session-log.ts";
import { toApproval } from "../session/session-view.ts";
import type { Terminals } from "../terminal/terminals.ts";
import { actionOf, sessionFrame } from "./session-frames.ts";
import { WebSocketServerManager } from "./websocket-server-manager.ts";

/** What a `SessionSocket` works with. */
export interface SessionSocketDeps {
  readonly store: SignalboxStore;
  readonly clock: Clock;
  readonly limits: LimitLookup;
  readonly tokens: TokenHandler;
  readonly sessionLog: SessionLog;
  readonly sessions: SessionHandler;
  readonly eventFeed: EventFeed;
  readonly terminals: Terminals;
}

/** The socket of sessions: what an app mounts under `SESSION_SOCKET_PATH`, wired to tokens, sessions and their events. */
export class SessionSocket {
  readonly manager: WebSocketServerManager;
  readonly #deps: SessionSocketDeps;
  /** The bytes of a batch, which all readers at the same cursor share. */
  readonly #frames = new WeakMap<readonly EventRecord[], readonly Buffer[]>();

  constructor(deps: SessionSocketDeps) {
    this.#deps = deps;
    const { clock, limits, tokens, terminals } = deps;
    // The app hands upgrades on after its own checks, so that the manager's server is one that never listens.
    this.manager = new WebSocketServerManager(
      createServer(),
      { path: SESSION_SOCKET_PATH },
      {
        clock,
        limits,
        authenticate: (credential) => this.#identify(credential),
        isStillGood: (principal) => tokens.isStillGood(principal),
        maySee: async (principal, id) =>
          (await this.#session(id, principal.orgId)) !== undefined || terminals.has(principal, id),
        terminals,
        follow: ({ principal, sessionId, after }, signal) => this.#follow({ ...principal, sessionId, after }, signal),
      },
    );
    this.#tellFollowers();
  }

  /**
   * Takes an upgrade to the path of sessions; the app has checked Host and Origin. False: it is another path. `principal`
   * is given where who calls is settled already.
   */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer, principal?: Principal): boolean {
    return this.manager.handleUpgrade(request, socket, head, principal);
  }

  /** Closes every connection; clients come back with their cursors. */
  async close(): Promise<void> {
    await this.manager.close();
  }

  async #identify(credential: string): Promise<Principal | undefined> {
    const { tokens } = this.#deps;
    const principal = (await tokens.authenticate(credential)) ?? tokens.redeemSocketTicket(credential);
    return principal && (await tokens.isStillGood(principal)) ? principal : undefined;
  }

  async #session(sessionId: string, orgId: string): Promise<SessionRow | undefined> {
    return this.#deps.store.view(() => readSession(sessionId, orgId));
  }

  /** Those who follow without a cursor are told as it happens. */
  #tellFollowers(): void {
    const { sessionLog, sessions } = this.#deps;
    sessionLog.on("happened", ({ sessionId, events, lastSeq }) => {
      for (const [index, { type, data }] of events.entries()) {
        const seq = lastSeq - events.length + 1 + index;
        this.manager.broadcastSessionEvent(sessionId, actionOf(type), { ...data }, seq);
      }
    });
    sessions.on("approval_requested", ({ sessionId, approval }) => {
      if (approval.state === "pending") this.manager.sendApprovalRequest(sessionId, approval);
    });
  }

  async *#follow(
    { orgId, sessionId, after }: { readonly orgId: string; readonly sessionId: string; readonly after: number },
    signal: AbortSignal,
  ): AsyncGenerator<Buffer> {
    for await (const batch of this.#deps.eventFeed.follow(sessionId, after, { signal })) {
      const frames = this.#framesOf(sessionId, batch);
      for (const [index, event] of batch.entries()) {
        const frame = frames[index];
        if (frame) yield frame;
        const asked = await this.#askedNow(event, sessionId, orgId);
        if (asked) yield asked;
      }
    }
  }

  #framesOf(sessionId: string, batch: readonly EventRecord[]): readonly Buffer[] {
    const known = this.#frames.get(batch);
    if (known) return known;
    const frames = batch.map((event) => Buffer.from(JSON.stringify(sessionFrame(sessionId, event))));
    this.#frames.set(batch, frames);
    return frames;
  }

  /** What still waits for an answer is shown whole; what was decided meanwhile is history. */
  async #askedNow({ type, data }: EventRecord, sessionId: string, orgId: string): Promise<Buffer | undefined> {
    if (type !== "approval.requested") return undefined;
    // Written by a unit, from a value of this type.
    const { approvalId } = data as SessionEventData<"approval.requested">;
    const row = await this.#deps.store.view(() => readApproval(approvalId, orgId));
    if (row?.state !== "pending") return undefined;
    const approval = toApproval(row);
    const timestamp = toTimestamp(this.#deps.clock.now());
    const messageId = `approval:${approvalId}`;
    return Buffer.from(JSON.stringify({ type: "approval_required", sessionId, approval, messageId, timestamp }));
  }
}
