import type { ErrorCode, LimitLookup, Principal, TerminalCommand, TerminalSize } from "@signalbox/protocol";
import { toTimestamp } from "@signalbox/protocol";
import { parseAttemptId, sessionIdOf, type OutputPiece, type SignalboxStore } from "@signalbox/store";

import type { Clock } from "../clock.ts";
import type { RunLog } from "../events/run-log.ts";
import type { Logger } from "../logger.ts";
import type { AttemptBoard, LiveAttempt } from "../runner/attempt-board.ts";
import type { SessionCourier } from "../session/session-courier.ts";
import type { SessionLog } from "../session/session-log.ts";
import { ActivityNotes } from "./activity-notes.ts";
import { Keyboards } from "./keyboards.ts";
import { TerminalLog } from "./terminal-log.ts";
import { TerminalPlaces, type TerminalPlace } from "./terminal-places.ts";
import type { TerminalSink } from "./terminal-watcher.ts";
import { TerminalWatch, type StoredPiece, type WatchFrom } from "./terminal-watch.ts";

/** Who does something at a terminal. */
export interface TerminalUser {
  readonly clientId: string;
  readonly principal: Principal;
  /** The id of a session, a run or a step. */
  readonly id: string;
}

/** Why somebody may not do something at a terminal. */
export interface TerminalRefusal {
  readonly code: ErrorCode;
  readonly message: string;
}

/** A place that somebody uses, and the attempt that was at it last. */
interface UsedPlace {
  readonly place: TerminalPlace;
  holder: LiveAttempt | undefined;
}

/** The terminals of sessions and commands: watched by any number, typed into by one at a time. */
export class Terminals {
  readonly #places: TerminalPlaces;
  readonly #log: TerminalLog;
  readonly #board: AttemptBoard;
  readonly #courier: SessionCourier;
  readonly #clock: Clock;
  readonly #limits: LimitLookup;
  readonly #logger: Logger;
  readonly #activity: ActivityNotes;
  readonly #keyboards = new Keyboards();
  /** By org and id, as watchers named it. */
  readonly #watches = new Map<string, TerminalWatch>();
  /** By run and step. */
  readonly #watched = new Map<string, Set<TerminalWatch>>();
  /** By client and id: what was found for it, until it leaves. */
  readonly #used = new Map<string, Map<string, UsedPlace>>();
  /** The size that somebody gave a terminal. */
  readonly #sizes = new Map<string, TerminalSize>();

  constructor(deps: {
    readonly store: SignalboxStore;
    readonly board: AttemptBoard;
    readonly courier: SessionCourier;
    readonly runLog: RunLog;
    readonly sessionLog: SessionLog;
    readonly clock: Clock;
    readonly limits: LimitLookup;
    readonly logger: Logger;
  }) {
    this.#activity = new ActivityNotes(deps);
    this.#places = new TerminalPlaces(deps);
    this.#log = new TerminalLog(deps);
    this.#board = deps.board;
    this.#courier = deps.courier;
    this.#clock = deps.clock;
    this.#limits = deps.limits;
    this.#logger = deps.logger;
    deps.runLog.on("changed", ({ runId }) => void this.#runChanged(runId));
  }

  /** Whether there is such a terminal for a principal. */
  async has(principal: Principal, id: string): Promise<boolean> {
    return (await this.#places.find(principal, id)) !== undefined;
  }

  /** Sends a terminal's output to a connection, until it leaves. */
  async watch(user: TerminalUser, sink: TerminalSink, from: WatchFrom): Promise<TerminalRefusal | undefined> {
    const used = await this.#use(user);
    if (!used) return noTerminal(user.id);
    const watch = this.#watchOf(used.place);
    watch.add(sink, from);
    if (await this.#places.isOver(used.place)) this.#finish(watch);
    return undefined;
  }

  /** A connection watches a terminal no more, and types into it no more. */
  unwatch(clientId: string, id: string): void {
    const used = this.#used.get(clientId)?.get(id);
    this.#used.get(clientId)?.delete(id);
    if (!used) return;
    this.#drop(clientId, used.place);
    if (this.#keyboards.release(keyOf(used.place), clientId)) this.#tell(keyOf(used.place), "keyboard:free");
  }

  /** A connection is gone: whatever it held is free. */
  leave(clientId: string): void {
    for (const { place } of this.#used.get(clientId)?.values() ?? []) this.#drop(clientId, place);
    this.#used.delete(clientId);
    for (const terminal of this.#keyboards.leave(clientId)) this.#tell(terminal, "keyboard:free");
  }

  /** Takes the keyboard of a terminal, or gives it back. */
  async control(user: TerminalUser, action: "take" | "release"): Promise<TerminalRefusal | undefined> {
    const used = await this.#use(user);
    if (!used) return noTerminal(user.id);
    if (action === "take") return this.#take(used.place, user.clientId);
    if (this.#keyboards.release(keyOf(used.place), user.clientId)) this.#tell(keyOf(used.place), "keyboard:free");
    return undefined;
  }

  /** Types. Whoever types into a terminal whose keyboard is free takes it. */
  async type(user: TerminalUser, text: string): Promise<TerminalRefusal | undefined> {
    const used = await this.#use(user);
    if (!used) return noTerminal(user.id);
    const busy = this.#take(used.place, user.clientId);
    if (busy) return busy;
    const { runId, stepIndex } = used.place;
    this.#activity.typed(sessionIdOf(runId, stepIndex));
    return this.#send(used, { kind: "keys", bytes: Buffer.from(text).toString("base64") });
  }

  /** Changes the size; only whoever has the keyboard may. */
  async resize(user: TerminalUser, size: TerminalSize): Promise<TerminalRefusal | undefined> {
    const used = await this.#use(user);
    if (!used) return noTerminal(user.id);
    const busy = this.#take(used.place, user.clientId);
    if (busy) return busy;
    const refusal = await this.#send(used, { kind: "resize", size });
    if (refusal) return refusal;
    const terminal = keyOf(used.place);
    this.#sizes.set(terminal, size);
    for (const watch of this.#watched.get(terminal) ?? []) watch.resized(size);
    return undefined;
  }

  /** Output was stored; pieces of the same stream come in their order. */
  stored(pieces: readonly OutputPiece[]): void {
    if (this.#watched.size === 0) return;
    for (const [attemptId, own] of Map.groupBy(
      pieces.filter(({ stream }) => stream === "terminal"),
      (piece) => piece.attemptId,
    )) {
      const at = parseAttemptId(attemptId);
      const watches = at && this.#watched.get(`${at.runId}.${at.stepIndex}`);
      if (!watches) continue;
      for (const piece of joined(own)) {
        for (const watch of watches) watch.stored({ ...piece, number: at.number });
      }
    }
  }

  #watchOf(place: TerminalPlace): TerminalWatch {
    const known = this.#watches.get(watchKey(place));
    if (known) return known;
    const watch = new TerminalWatch({
      place: { ...place, size: this.#sizes.get(keyOf(place)) ?? place.size },
      log: this.#log,
      clock: this.#clock,
      limits: this.#limits,
      maker: { sessionId: place.id, now: () => toTimestamp(this.#clock.now()) },
      onFailure: (sink, error) => {
        this.#logger.warn(
          { err: error, terminal: place.id },
          "a terminal could not be read; its watcher is to come back",
        );
        sink.closeToRetry();
      },
    });
    this.#watches.set(watchKey(place), watch);
    const others = this.#watched.get(keyOf(place));
    if (others) others.add(watch);
    else this.#watched.set(keyOf(place), new Set([watch]));
    return watch;
  }

  #drop(clientId: string, place: TerminalPlace): void {
    const watch = this.#watches.get(watchKey(place));
    watch?.remove(clientId);
    if (watch?.size !== 0) return;
    this.#watches.delete(watchKey(place));
    const all = this.#watched.get(keyOf(place));
    all?.delete(watch);
    if (all?.size === 0) this.#watched.delete(keyOf(place));
  }

  async #use({ clientId, principal, id }: TerminalUser): Promise<UsedPlace | undefined> {
    const known = this.#used.get(clientId)?.get(id);
    if (known && known.place.orgId === principal.orgId) return known;
    const place = await this.#places.find(principal, id);
    if (!place) return undefined;
    const used = { place, holder: undefined };
    const mine = this.#used.get(clientId);
    if (mine) mine.set(id, used);
    else this.#used.set(clientId, new Map([[id, used]]));
    return used;
  }

  #take(place: TerminalPlace, clientId: string): TerminalRefusal | undefined {
    const terminal = keyOf(place);
    const wasFree = this.#keyboards.holder(terminal) === undefined;
    if (!this.#keyboards.take(terminal, clientId))
      return { code: "TERMINAL_BUSY", message: "somebody else has the keyboard of this terminal" };
    if (wasFree) this.#tell(terminal, "keyboard:taken");
    return undefined;
  }

  async #send(used: UsedPlace, command: TerminalCommand): Promise<TerminalRefusal | undefined> {
    const { holder } = used;
    // The board knows better than the rows; they are asked only when somebody else may hold it by now.
    const live =
      holder && this.#board.get(holder.attemptId) === holder ? holder : await this.#places.holder(used.place);
    used.holder = live;
    if (live && this.#courier.atTerminal(live, command)) return undefined;
    return { code: "INVALID_STATE", message: "nothing runs in this terminal now, or its runner is away" };
  }

  #tell(terminal: string, data: string): void {
    for (const watch of this.#watched.get(terminal) ?? []) watch.tell("control", data);
  }

  async #runChanged(runId: string): Promise<void> {
    const watches = [...this.#watches.values()].filter(({ place }) => place.runId === runId);
    for (const watch of watches) {
      try {
        if (await this.#places.isOver(watch.place)) this.#finish(watch);
      } catch (error) {
        this.#logger.warn({ err: error, run: runId }, "not known whether a terminal has ended");
      }
    }
  }

  #finish(watch: TerminalWatch): void {
    this.#sizes.delete(keyOf(watch.place));
    this.#activity.forget(sessionIdOf(watch.place.runId, watch.place.stepIndex));
    watch
      .finish()
      .catch((error: unknown) =>
        this.#logger.warn({ err: error, terminal: watch.place.id }, "a terminal's end is not told"),
      );
  }
}

function keyOf({ runId, stepIndex }: TerminalPlace): string {
  return `${runId}.${stepIndex}`;
}

function watchKey({ orgId, id }: TerminalPlace): string {
  return `${orgId}/${id}`;
}

function noTerminal(id: string): TerminalRefusal {
  return { code: "INVALID_STATE", message: `${id} has no terminal` };
}

/** Pieces that follow on each other as one, so that a batch is one frame. Pure. */
function joined(pieces: readonly OutputPiece[]): readonly Omit<StoredPiece, "number">[] {
  const groups: OutputPiece[][] = [];
  for (const piece of pieces) {
    const before = groups.at(-1)?.at(-1);
    const follows =
      before && before.gap === undefined && piece.gap === undefined && before.offset + before.length === piece.offset;
    if (follows) groups.at(-1)?.push(piece);
    else groups.push([piece]);
  }
  return groups
    .map((group) => {
      const [first] = group;
      if (!first || group.length === 1) return first;
      const bytes = Buffer.concat(group.map((piece) => piece.bytes));
      return { offset: first.offset, length: bytes.length, bytes };
    })
    .filter((piece) => piece !== undefined);
}
