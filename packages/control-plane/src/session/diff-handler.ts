import {
  DiffDocumentSchema,
  isFinal,
  type ApiResponse,
  type DiffDocument,
  type Gate,
  type GateDiff,
  type IdSource,
  type LimitLookup,
  SESSION_TRANSITIONS,
  type SessionDiff,
  type SessionEventData,
  type Snapshot,
  toTimestamp,
} from "@signalbox/protocol";
import { sha256Hex } from "@signalbox/protocol/hash";
import {
  readEventsOfType,
  readGate,
  readRun,
  readSession,
  UnitRefusal,
  type SessionProgress,
  type SessionRow,
  type SignalboxStore,
} from "@signalbox/store";

import { answer } from "../answer.ts";
import type { Clock } from "../clock.ts";
import { ControlPlaneError, NotFoundError } from "../errors.ts";
import { actorOf, LOCAL_CONTEXT, requireScope, type RequestContext } from "../request-context.ts";
import { readableRun, toGate } from "../run/run-view.ts";
import { publishInputsIn } from "./publication-view.ts";
import type { SessionHappening } from "./session-announcements.ts";
import type { SessionLog } from "./session-log.ts";

/** What a `DiffHandler` works with. */
export interface DiffHandlerDeps {
  readonly store: SignalboxStore;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly limits: LimitLookup;
  readonly sessionLog: SessionLog;
}

/** A diff as it was kept. */
export interface KeptDiff {
  readonly snapshot: Snapshot;
  readonly takenAt: number;
  /** Whether the session is over without a last look at its workspace: its machine was lost, and what came after. */
  readonly isLeftover: boolean;
}

/** What agents have changed in the workspaces of their sessions. */
export class DiffHandler {
  readonly #deps: DiffHandlerDeps;
  /** Questions under way, by session: whoever asks meanwhile waits for the same answer. */
  readonly #asking = new Map<string, Promise<void>>();

  constructor(deps: DiffHandlerDeps) {
    this.#deps = deps;
  }

  /** A session's diff: live from its machine while it works, the last that was kept after that. */
  async getDiff(
    sessionId: string,
    { document }: { readonly document?: string } = {},
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<SessionDiff>> {
    return answer(async () => {
      requireScope(context, "sessions:read");
      const { orgId } = context.principal;
      const row = await this.#require(sessionId, orgId);
      if (document !== undefined) return this.#earlier(row, document);
      const { snapshot, takenAt } = await this.latest(sessionId, orgId, { pack: false });
      return this.#view(await this.#require(sessionId, orgId), snapshot.document.sha256, takenAt);
    });
  }

  /** The whole diff that somebody decides on at a gate. */
  async getGateDiff(gateId: string, context: RequestContext = LOCAL_CONTEXT): Promise<ApiResponse<GateDiff>> {
    return answer(async () => {
      requireScope(context, "runs:read");
      const row = await this.#deps.store.view(() => readGate(gateId, context.principal.orgId));
      if (!row) throw new NotFoundError("gate", gateId);
      const shown = shownIn(toGate(row));
      if (!shown) throw new ControlPlaneError("DIFF_NOT_FOUND", `gate ${gateId} shows no diff`, { gateId });
      const { v: _, ...document } = await this.read(`gate ${gateId}`, shown.document);
      const diffHash = sha256Hex(document.text);
      // The machine that took the diff said both; what it kept must be what it named.
      if (document.tree !== shown.tree || diffHash !== shown.diffHash) throw absent(`gate ${gateId}`);
      return { ...document, gateId, diffHash, document: shown.document };
    });
  }

  /** The diff as it is now, with what it takes to publish it where `pack` says so. */
  async latest(sessionId: string, orgId: string, { pack }: { readonly pack: boolean }): Promise<KeptDiff> {
    const row = await this.#require(sessionId, orgId);
    await this.#requireRepository(row);
    if (!isFinal(SESSION_TRANSITIONS, row.state)) await this.#ask(row, pack);
    // Written by the unit that stored what the runner said.
    const { state, progress } = await this.#require(sessionId, orgId);
    const { diff } = JSON.parse(progress) as SessionProgress;
    if (!diff?.snapshot) throw lost(sessionId);
    const isLeftover = isFinal(SESSION_TRANSITIONS, state) && diff.isFinal !== true;
    return { snapshot: diff.snapshot, takenAt: diff.takenAt, isLeftover };
  }

  /** The document of a diff; `whose` is told where it is not there. */
  async read(whose: string, sha256: string): Promise<DiffDocument> {
    const source = await this.#deps.store.blobs.get(sha256);
    if (!source) throw absent(whose);
    const bytes = Buffer.concat((await source.toArray()) as Uint8Array[]);
    const document = DiffDocumentSchema.safeParse(parseJson(bytes.toString()));
    if (!document.data) throw absent(whose);
    return document.data;
  }

  async #earlier(row: SessionRow, sha256: string): Promise<SessionDiff> {
    const { store } = this.#deps;
    const { diff } = JSON.parse(row.progress) as SessionProgress;
    if (diff?.snapshot?.document.sha256 === sha256) return this.#view(row, sha256, diff.takenAt);
    const events = await store.view(() => readEventsOfType(row.id, "diff.taken"));
    const taken = events.find(({ data }) => (JSON.parse(data) as SessionEventData<"diff.taken">).document === sha256);
    if (!taken) throw absent(`session ${row.id}`);
    return this.#view(row, sha256, taken.at);
  }

  async #view(row: SessionRow, sha256: string, takenAt: number): Promise<SessionDiff> {
    const { v: _, ...document } = await this.read(`session ${row.id}`, sha256);
    const isOver = isFinal(SESSION_TRANSITIONS, row.state);
    const { diff } = JSON.parse(row.progress) as SessionProgress;
    const isLast = diff?.snapshot?.document.sha256 === sha256;
    return {
      ...document,
      sessionId: row.id,
      document: sha256,
      diffHash: sha256Hex(document.text),
      takenAt: toTimestamp(takenAt),
      isFinal: isOver && isLast && diff?.isFinal === true,
      isLeftover: isOver && isLast && diff?.isFinal !== true,
    };
  }

  /** Resolves when the runner has answered. */
  async #ask(row: SessionRow, pack: boolean): Promise<void> {
    const key = `${row.id}:${String(pack)}`;
    const asked = this.#asking.get(key) ?? this.#askNow(row, pack).finally(() => this.#asking.delete(key));
    this.#asking.set(key, asked);
    return asked;
  }

  async #askNow({ id: sessionId, org_id: orgId }: SessionRow, pack: boolean): Promise<void> {
    const { clock, ids, sessionLog } = this.#deps;
    const requestId = ids.next("request");
    const now = clock.now();
    using answered = this.#answerTo(sessionId, requestId);
    try {
      const actor = actorOf(LOCAL_CONTEXT);
      await sessionLog.commit("askDiff", { sessionId, orgId, now, actor, requestId, pack });
    } catch (error) {
      // About to end: the last diff is on its way.
      if (!(error instanceof UnitRefusal) || error.code !== "INVALID_STATE") throw error;
      throw new ControlPlaneError("DIFF_UNAVAILABLE", error.message, { sessionId });
    }
    await answered.promise;
  }

  #answerTo(sessionId: string, requestId: string): Disposable & { readonly promise: Promise<void> } {
    const { sessionLog, clock, limits } = this.#deps;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    promise.catch(() => undefined);
    const fail = (message: string): void => reject(new ControlPlaneError("DIFF_UNAVAILABLE", message, { sessionId }));
    const listen = (happening: SessionHappening): void => {
      if (happening.sessionId !== sessionId) return;
      for (const { type, data } of happening.events) {
        // Appended by units, from values of the schemas of these events.
        if (type === "diff.taken" && (data as SessionEventData<"diff.taken">).requestId === requestId) resolve();
        if (type !== "diff.failed") continue;
        const failed = data as SessionEventData<"diff.failed">;
        if (failed.requestId === requestId) fail(failed.message);
      }
    };
    sessionLog.on("happened", listen);
    const timer = clock.setTimer(limits("diff.answerMs"), () => fail("the session's machine has not answered in time"));
    return {
      promise,
      [Symbol.dispose]: () => {
        sessionLog.off("happened", listen);
        timer.cancel();
      },
    };
  }

  async #requireRepository(row: SessionRow): Promise<void> {
    const run = await this.#deps.store.view(() => readRun(row.run_id, row.org_id));
    if (run && readableRun(run).progress.repo !== null) return;
    throw new ControlPlaneError("DIFF_NOT_FOUND", `session ${row.id} has no repository`, { sessionId: row.id });
  }

  async #require(sessionId: string, orgId: string): Promise<SessionRow> {
    const row = await this.#deps.store.view(() => readSession(sessionId, orgId));
    if (!row) throw new NotFoundError("session", sessionId);
    return row;
  }
}

/** What of a gate shows what is let through. */
function shownIn(
  gate: Gate,
): { readonly tree: string; readonly diffHash: string; readonly document: string } | undefined {
  return gate.content.changes ?? publishInputsIn(gate)[0];
}

/** Whoever ran it is gone, and has told nothing. */
function lost(sessionId: string): ControlPlaneError {
  return new ControlPlaneError(
    "DIFF_NOT_FOUND",
    `session ${sessionId} was over before anything of its workspace was recorded; what was done there is gone, and another session has to do it again`,
    { sessionId },
  );
}

function absent(whose: string): ControlPlaneError {
  return new ControlPlaneError("DIFF_NOT_FOUND", `there is no such diff of ${whose}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
