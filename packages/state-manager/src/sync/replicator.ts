import type { Message, MessageBus, Subscription } from "@signalbox/messagebus";

import type { Clock, Timer } from "../clock.ts";
import { decodeDelta } from "../codec/delta-codec.ts";
import { decodeState } from "../codec/state-codec.ts";
import { versionsOf } from "../codec/versions-codec.ts";
import { ForgedDeltaError, StateError } from "../errors.ts";
import { limit } from "../limits.ts";
import type { Listeners } from "../listeners.ts";
import type { StateStore } from "../state-store.ts";
import { compareVersions, forgetOldWriters } from "./compare-versions.ts";
import {
  fromPayload,
  toPayload,
  type DeltaMessage,
  type Hello,
  type Page,
  type Pull,
  type SyncMessage,
} from "./messages.ts";
import { Peers } from "./peers.ts";
import { PullAnswers } from "./pull-answers.ts";
import { PullRequest } from "./pull-request.ts";
import { RecentDeltas } from "./recent-deltas.ts";

export interface ReplicatorOptions {
  readonly bus: MessageBus;
  readonly store: StateStore;
  readonly clock: Clock;
  readonly listeners: Listeners;
  /** Called in each round, every `hello.everyMs`. */
  readonly onRound: () => void;
}

/**
 * Keeps the replicas of one plugin alike over the bus: each tells what it did, all compare now and then what they have seen, and who
 * lacks something pulls it. Nothing depends on a message arriving, once, or in order.
 */
export class Replicator {
  readonly #bus: MessageBus;
  readonly #store: StateStore;
  readonly #clock: Clock;
  readonly #listeners: Listeners;
  readonly #onRound: () => void;
  readonly #topic: string;
  readonly #peers = new Peers();
  readonly #recent = new RecentDeltas();
  readonly #answers: PullAnswers;
  readonly #joined = Promise.withResolvers<void>();
  #subscription: Subscription | undefined;
  #pull: PullRequest | undefined;
  /** Whom to pull from when the pull that goes on has ended. */
  #nextPull: { readonly peer: string; readonly isWhole: boolean } | undefined;
  #transfers = 0;
  #roundTimer: Timer | undefined;
  #joinTimer: Timer | undefined;
  #quietTimer: Timer | undefined;
  #wasSending = false;

  constructor({ bus, store, clock, listeners, onRound }: ReplicatorOptions) {
    this.#bus = bus;
    this.#store = store;
    this.#clock = clock;
    this.#listeners = listeners;
    this.#onRound = onRound;
    this.#topic = `plugin/${bus.pluginId}/state/sync`;
    const { replica } = store;
    this.#answers = new PullAnswers({ replica, recent: this.#recent, clock, send: (page) => this.#send(page) });
    store.onDelta = (from, to, bytes) => this.#tell(from, to, bytes);
  }

  /** Takes part from now on. */
  start(): void {
    this.#subscribe();
    this.#joinTimer = this.#clock.setTimer(limit("join.waitMs"), () => {
      if (!this.#pull) this.#joined.resolve();
    });
    this.#waitForRound();
    this.#hello(undefined, true);
  }

  /** Resolves when what the other replicas had at the beginning is here, or nobody has answered for `join.waitMs`. */
  joined(): Promise<void> {
    // Who waits for it wants the process to live so long.
    this.#joinTimer?.ref?.();
    return this.#joined.promise;
  }

  /** What the others have not been told comes to them with the next comparison, which is soon. */
  compareSoon(): void {
    this.#wasSending = true;
    this.#quietTimer ??= this.#clock.setTimer(limit("hello.afterMs"), () => this.#whenQuiet());
  }

  close(): void {
    if (this.#peers.size > 0 && !this.#bus.isClosed) this.#send({ type: "leave", from: this.#selfId });
    this.#subscription?.unsubscribe();
    for (const timer of [this.#roundTimer, this.#joinTimer, this.#quietTimer]) timer?.cancel();
    this.#pull?.cancel();
    this.#answers.close();
    this.#joined.resolve();
    this.#store.onDelta = undefined;
    this.#store.hasPeers = false;
  }

  get #selfId(): string {
    return this.#store.replica.self.id;
  }

  #subscribe(): void {
    // Anew in each round, since `clear` of a bus that the plugin uses as well ends this subscription with its own.
    this.#subscription?.unsubscribe();
    this.#subscription = this.#bus.subscribe(this.#topic, (message) => this.#take(message));
    this.#subscription.ready.catch((error: unknown) => this.#failed(error));
  }

  #waitForRound(): void {
    this.#roundTimer = this.#clock.setTimer(limit("hello.everyMs"), () => this.#round());
  }

  #round(): void {
    // A bus that was closed stays closed.
    if (this.#bus.isClosed) return this.close();
    this.#waitForRound();
    this.#peers.endRound();
    this.#updateTelling();
    forgetOldWriters(this.#store.replica, this.#clock.now());
    this.#subscribe();
    this.#onRound();
    this.#hello(undefined, false);
  }

  #whenQuiet(): void {
    this.#quietTimer = undefined;
    if (this.#wasSending) {
      this.#wasSending = false;
      this.#quietTimer = this.#clock.setTimer(limit("hello.afterMs"), () => this.#whenQuiet());
    } else this.#hello(undefined, false);
  }

  /** Nobody is told of what a crash could take back, so it is stored before. */
  #hello(to: string | undefined, isJoining: boolean): void {
    if (!this.#store.tryToFlush()) return;
    const { replica } = this.#store;
    const digest = replica.entries.digest.toString();
    this.#send({ type: "hello", from: this.#selfId, to, versions: versionsOf(replica), digest, isJoining });
  }

  #tell(from: number, to: number, bytes: Uint8Array): void {
    this.#recent.add({ writerId: this.#selfId, from, to, bytes });
    this.#send({ type: "delta", from: this.#selfId, bytes });
    this.compareSoon();
  }

  /** Takes a message of the sync topic; what cannot be is refused, and told. */
  #take({ source, payload }: Message): void {
    try {
      if (source !== this.#bus.pluginId) {
        throw new ForgedDeltaError(`plugin ${source} sent on the sync topic of plugin ${this.#bus.pluginId}`);
      }
      if (payload?.from === this.#selfId) return;
      const message = fromPayload(payload);
      if ("to" in message && message.to !== undefined && message.to !== this.#selfId) return;
      this.#handle(message);
    } catch (error) {
      if (!(error instanceof StateError)) throw error;
      this.#listeners.tell("message-refused", { source, error });
    }
  }

  #handle(message: SyncMessage): void {
    switch (message.type) {
      case "hello":
        return this.#compare(message);
      case "delta":
        return this.#apply(message);
      case "pull":
        if (this.#store.tryToFlush()) this.#answers.answer(message);
        return;
      case "page":
        return this.#pull?.take(message);
      case "more":
        return this.#answers.more(message);
      case "leave":
        this.#peers.left(message.from);
        return this.#updateTelling();
    }
  }

  #compare({ from, to, versions, digest, isJoining }: Hello): void {
    const { replica } = this.#store;
    const isNew = this.#heard(from);
    if (!this.#store.tryToFlush()) return;
    const { weLack, theyLack } = compareVersions(replica, versions, this.#clock.now());
    const differs = !weLack && !theyLack && digest !== replica.entries.digest.toString();
    // Who was answered does not answer, so that it ends.
    if (to === undefined && (isNew || isJoining || theyLack || differs)) this.#hello(from, false);
    if (weLack || differs) this.#pullFrom(from, differs);
    else if (!this.#pull) this.#joined.resolve();
  }

  #apply({ from, bytes }: DeltaMessage): void {
    const delta = decodeDelta(bytes);
    if (delta.writerId !== from)
      throw new ForgedDeltaError(`replica ${from} sent a delta of replica ${delta.writerId}`);
    this.#heard(from);
    const applied = this.#store.apply(delta, bytes);
    if (applied === "applied") this.#recent.add({ ...delta, bytes });
    else if (applied === "gap") this.#pullFrom(from, false);
  }

  #pullFrom(peer: string, isWhole: boolean): void {
    if (this.#pull) {
      this.#nextPull = { peer, isWhole };
      return;
    }
    this.#pull = new PullRequest({
      peer,
      clock: this.#clock,
      question: () => this.#question(peer, isWhole),
      send: (message) => this.#send(message),
      onParts: (kind, parts) => this.#takeParts(kind, parts),
      onEnd: (error) => this.#endPull(error),
    });
    this.#pull.start();
  }

  #question(to: string, isWhole: boolean): Pull {
    const versions = versionsOf(this.#store.replica);
    return { type: "pull", from: this.#selfId, to, transfer: ++this.#transfers, versions, isWhole };
  }

  #takeParts(kind: Page["kind"], parts: readonly Uint8Array[]): void {
    if (kind === "state") return this.#store.join(decodeState(parts));
    for (const bytes of parts) {
      const delta = decodeDelta(bytes);
      if (this.#store.apply(delta, bytes) === "applied") this.#recent.add({ ...delta, bytes });
    }
  }

  #endPull(error: unknown): void {
    this.#pull = undefined;
    if (error !== undefined) this.#failed(error);
    const next = this.#nextPull;
    this.#nextPull = undefined;
    if (next) this.#pullFrom(next.peer, next.isWhole);
    else this.#joined.resolve();
  }

  #heard(id: string): boolean {
    const writer = this.#store.replica.writers.get(id);
    if (writer) writer.isHeard = true;
    const isNew = this.#peers.heard(id);
    if (isNew) this.#updateTelling();
    return isNew;
  }

  #updateTelling(): void {
    this.#store.hasPeers = this.#peers.size > 0;
    if (this.#peers.size === 0) this.#recent.clear();
  }

  #send(message: SyncMessage): void {
    this.#bus
      .publish({ topic: this.#topic, payload: toPayload(message) })
      .catch((error: unknown) => this.#failed(error));
  }

  #failed(error: unknown): void {
    this.#listeners.tell("sync-failed", { error });
  }
}
