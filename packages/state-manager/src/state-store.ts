import { ChangeWatch } from "./change-watch.ts";
import type { Clock } from "./clock.ts";
import { decodeDelta, type Delta } from "./codec/delta-codec.ts";
import { decodeState } from "./codec/state-codec.ts";
import { applyDelta, type Applied } from "./crdt/apply-delta.ts";
import { HybridClock } from "./crdt/hybrid-clock.ts";
import { joinSegments } from "./crdt/join.ts";
import { KIND, type Kind } from "./crdt/kinds.ts";
import { Replica } from "./crdt/replica.ts";
import type { StateParts } from "./crdt/segment.ts";
import { StateError } from "./errors.ts";
import { newReplicaId, type RandomBytes } from "./ids.ts";
import { Journal, type OnDelta } from "./journal.ts";
import type { Listeners } from "./listeners.ts";
import type { OpenPersistence, StoredRecord } from "./persistence.ts";
import { forgetOldWriters, isOld } from "./sync/compare-versions.ts";

export interface StateStoreOptions {
  readonly name: string | undefined;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly persistence: OpenPersistence | undefined;
  readonly listeners: Listeners;
}

/** The state with all that a change brings along: stamps, events, storing and telling others. */
export class StateStore {
  readonly replica: Replica;
  readonly hybridClock: HybridClock;
  readonly journal: Journal;
  /** Gets own deltas that may be told to other replicas. */
  onDelta: OnDelta | undefined;
  #hasPeers = false;
  readonly #isKept: boolean;
  readonly #clock: Clock;
  readonly #listeners: Listeners;
  readonly #watch: ChangeWatch;
  /** Of whom it was told that their clock is ahead. */
  readonly #ahead = new Set<string>();

  constructor({ name, clock, random, persistence, listeners }: StateStoreOptions) {
    const id = newReplicaId(name, clock.now(), random);
    this.replica = new Replica({ id, slot: persistence?.slot });
    this.hybridClock = new HybridClock(() => clock.now());
    this.#isKept = persistence !== undefined;
    this.replica.isTelling = this.#isKept;
    this.#clock = clock;
    this.#listeners = listeners;
    this.#watch = new ChangeWatch(this.replica.entries);
    this.journal = new Journal({
      replica: this.replica,
      persistence,
      clock,
      onDelta: (from, to, bytes) => this.#tell(from, to, bytes),
      onFailure: (error) => listeners.tell("persistence-failed", { error }),
    });
    if (persistence) this.#load(persistence);
  }

  /** Does something here. */
  change(work: () => void): void {
    this.#watched("local", this.replica.self.id, work);
    this.journal.changed();
  }

  /** Whether there are other replicas to tell. */
  set hasPeers(hasPeers: boolean) {
    this.#hasPeers = hasPeers;
    this.updateTelling();
  }

  /** While nobody listens and nothing is kept, no deltas are made. */
  updateTelling(): void {
    const isTelling = this.#isKept || this.#hasPeers || this.#listeners.hasDelta;
    if (isTelling !== this.replica.isTelling) this.replica.isTelling = isTelling;
  }

  /** Applies what another replica did. Refuses as `applyDelta` does. */
  apply(delta: Delta, bytes: Uint8Array): Applied {
    let applied = "known" as Applied;
    this.#watched("remote", delta.writerId, () => (applied = applyDelta(this.replica, delta)));
    if (applied !== "applied") return applied;
    for (const { kind, main } of delta.operations) this.#observe(kind, main, delta.writerId);
    this.journal.received(bytes);
    return applied;
  }

  /** Joins a whole state. Refuses as `joinSegments` does. */
  join(parts: StateParts): void {
    this.#watched("remote", undefined, () => joinSegments(this.replica, this.#withoutOld(parts)));
    this.#observeParts(parts);
    this.journal.joined();
  }

  /** Stores and tells now; false where it could not be stored, of which listeners are told. */
  tryToFlush(): boolean {
    try {
      this.journal.flush();
      return true;
    } catch (error) {
      this.#listeners.tell("persistence-failed", { error });
      return false;
    }
  }

  #tell(from: number, to: number, bytes: Uint8Array): void {
    if (this.#hasPeers) this.onDelta?.(from, to, bytes);
    if (this.#listeners.hasDelta) this.#listeners.tell("delta", { bytes });
  }

  #watched(origin: "local" | "remote", replicaId: string | undefined, work: () => void): void {
    if (!this.#listeners.hasChanged) return work();
    this.#watch.begin();
    try {
      work();
    } finally {
      for (const change of this.#watch.end(origin, replicaId)) this.#listeners.tell("changed", change);
    }
  }

  #load(persistence: OpenPersistence): void {
    const records = persistence.load();
    try {
      for (const group of inGroups(records)) this.#replay(group);
    } catch (error) {
      if (error instanceof StateError) throw persistence.damaged(error.message, error);
      throw error;
    }
    this.journal.begunWith(records);
    forgetOldWriters(this.replica, this.#clock.now());
  }

  #replay(group: StoredGroup): void {
    if (group.kind === "state") {
      const parts = decodeState(group.pages);
      joinSegments(this.replica, parts);
      return this.#observeParts(parts);
    }
    const delta = decodeDelta(group.bytes);
    applyDelta(this.replica, delta);
    for (const { kind, main } of delta.operations) this.#observe(kind, main, undefined);
  }

  #observeParts({ segments }: StateParts): void {
    for (const { writerId, dots } of segments) {
      for (const { entry } of dots) if (entry) this.#observe(entry.kind, entry.main, writerId);
    }
  }

  #observe(kind: Kind, stamp: number, writerId: string | undefined): void {
    if (kind !== KIND.register && kind !== KIND.export) return;
    const aheadMs = this.hybridClock.observe(stamp);
    if (aheadMs === 0 || writerId === undefined || this.#ahead.has(writerId)) return;
    this.#ahead.add(writerId);
    this.#listeners.tell("clock-ahead", { replicaId: writerId, aheadMs });
  }

  /** What is left of writers that would be forgotten at once. */
  #withoutOld(parts: StateParts): StateParts {
    const { writers } = this.replica;
    const now = this.#clock.now();
    const isGone = (id: string, dots: number) => dots === 0 && !writers.has(id) && isOld(id, now);
    return { ...parts, segments: parts.segments.filter(({ writerId, dots }) => !isGone(writerId, dots.length)) };
  }
}

type StoredGroup =
  | { readonly kind: "state"; readonly pages: readonly Uint8Array[] }
  | { readonly kind: "delta"; readonly bytes: Uint8Array };

/** Pages of one state together. */
function inGroups(records: readonly StoredRecord[]): StoredGroup[] {
  const groups: StoredGroup[] = [];
  let pages: Uint8Array[] | undefined;
  for (const { kind, bytes } of records) {
    if (kind === "delta") {
      groups.push({ kind, bytes });
      pages = undefined;
    } else if (pages) pages.push(bytes);
    else groups.push({ kind, pages: (pages = [bytes]) });
  }
  return groups;
}
