import { checkPluginId, getMessageBus, type MessageBus } from "@signalbox/messagebus";

import { systemClock, type Clock } from "./clock.ts";
import { decodeDelta } from "./codec/delta-codec.ts";
import { decodeState, encodeState } from "./codec/state-codec.ts";
import type { Applied } from "./crdt/apply-delta.ts";
import { formOfPart, type Registers } from "./crdt/home.ts";
import { winnerOf } from "./crdt/register.ts";
import { CounterOverflowError, InvalidArgumentError, NoBusError, StateClosedError } from "./errors.ts";
import type { StateEventName, StateListener } from "./events.ts";
import { flushAtExit } from "./flush-at-exit.ts";
import { isReplicaName, systemRandom, type RandomBytes } from "./ids.ts";
import { checkKey } from "./keys.ts";
import { Listeners } from "./listeners.ts";
import type { OpenPersistence, StatePersistence } from "./persistence.ts";
import {
  ExportServer,
  readExport,
  readFrom,
  takeAnswer,
  toExported,
  type ExportOptions,
  type ImportOptions,
} from "./shared-state.ts";
import { StateStore } from "./state-store.ts";
import { Replicator } from "./sync/replicator.ts";
import { copyValue } from "./value/copy-value.ts";
import { elementOf, formOf, partOf } from "./value/element.ts";
import { cloneValue, type JsonValue } from "./value/json-value.ts";

/** How a state manager is made. */
export interface StateManagerOptions {
  /** The bus over which replicas of this plugin keep each other alike and other plugins read exports. Default: `getMessageBus(pluginId)`; `false`: none. */
  readonly bus?: MessageBus | false | undefined;
  /** Where the state is kept over the lives of the process. Default: nowhere. */
  readonly persistence?: StatePersistence | undefined;
  /** What this replica's id begins with, to know it by: 1 to 64 letters, digits, `_` or `-`. What follows is of this life only. */
  readonly replicaId?: string | undefined;
  /** Default: the machine's. */
  readonly clock?: Clock | undefined;
  /** Where the id of this life comes from. Default: the machine's randomness. */
  readonly random?: RandomBytes | undefined;
}

/** What a key can name; each kind has names of its own. */
export type StateKind = "register" | "counter" | "set";

/**
 * State of a plugin that all its replicas can change at any time, without asking each other, and that is the same for all when they
 * have heard of each other's changes. Reads and writes are of this process and immediate; values are JSON data and copied in
 * and out.
 */
export class DistributedStateManager implements AsyncDisposable {
  readonly pluginId: string;
  readonly #store: StateStore;
  readonly #listeners: Listeners;
  readonly #persistence: OpenPersistence | undefined;
  readonly #bus: MessageBus | undefined;
  readonly #replicator: Replicator | undefined;
  readonly #exports: ExportServer | undefined;
  #isClosed = false;

  /**
   * Makes a replica, with what its persistence has and what the other replicas on the bus have as soon as they answer. Throws an
   * InvalidPluginIdError, InvalidArgumentError, a StateFileError, or what subscribing on the bus throws.
   */
  constructor(pluginId: string, options: StateManagerOptions = {}) {
    checkPluginId(pluginId);
    const { replicaId: name, clock = systemClock, random = systemRandom } = options;
    if (name !== undefined && !isReplicaName(name))
      throw new InvalidArgumentError(`a replica cannot be named ${String(name)}`);
    this.pluginId = pluginId;
    this.#bus = busOf(pluginId, options.bus);
    this.#listeners = new Listeners(pluginId);
    this.#persistence = options.persistence?.open(pluginId);
    try {
      const shared = { clock, listeners: this.#listeners };
      this.#store = new StateStore({ ...shared, name, random, persistence: this.#persistence });
      if (this.#bus) {
        const replicator = new Replicator({
          ...shared,
          bus: this.#bus,
          store: this.#store,
          onRound: () => this.#exports?.subscribe(),
        });
        this.#replicator = replicator;
        this.#exports = new ExportServer({ bus: this.#bus, store: this.#store, joined: () => replicator.joined() });
        this.#exports.subscribe();
        replicator.start();
      }
    } catch (error) {
      this.#persistence?.close();
      throw error;
    }
    if (this.#persistence) flushAtExit.add(this.#store);
  }

  /** The id of this life of this replica, as events of others name it. */
  get replicaId(): string {
    return this.#store.replica.self.id;
  }

  /** Writes a register. Of writes that did not know of each other the last one shows. Refuses with an InvalidKeyError, InvalidValueError, ValueTooLargeError or StateFullError. */
  setRegister(key: string, value: unknown): void {
    this.#setRegister(this.#store.replica.entries.registers, key, copyValue(value));
  }

  /** What a register shows: a copy; undefined where nothing was written or it was deleted. */
  // oxlint-disable-next-line typescript/no-explicit-any -- what a value is, only its user knows
  getRegister<Value = any>(key: string): Value | undefined {
    const first = this.#store.replica.entries.registers.first(key);
    if (!first) return undefined;
    // What kind of value it is, the user says.
    return cloneValue(winnerOf(first).value) as Value;
  }

  /** Deletes a register: the writes that are known here. One that another replica makes at the same time stays. False where there is nothing to delete. */
  deleteRegister(key: string): boolean {
    return this.#deleteRegister(this.#store.replica.entries.registers, key);
  }

  /** Adds to a counter a whole number from 0; returns its value. Refuses with an InvalidKeyError, InvalidArgumentError, CounterOverflowError or StateFullError. */
  incrementCounter(key: string, n = 1): number {
    return this.#count(key, n, n, 0);
  }

  /** Takes from a counter a whole number from 0; it may become negative. Returns its value. Refuses as `incrementCounter` does. */
  decrementCounter(key: string, n = 1): number {
    return this.#count(key, n, 0, n);
  }

  /** The value of a counter; 0 for one that is not known. Refuses with a CounterOverflowError where replicas have counted beyond the safe whole numbers together. */
  getCounter(key: string): number {
    const counter = this.#store.replica.entries.counters.get(key);
    if (!counter) return 0;
    const total = counter.total();
    if (total === undefined) throw new CounterOverflowError(key);
    return total;
  }

  /** Adds an element to a set; equal values are one element, whatever the order of their fields. Refuses as `setRegister` does. */
  addToSet(key: string, value: unknown): void {
    this.#checkWrite(key);
    const element = copyValue(value);
    this.#store.change(() => this.#store.replica.addElement(key, partOf(element), formOf(element)));
  }

  /** Removes an element from a set. Where another replica adds it at the same time, it stays. False where it is not in it. */
  removeFromSet(key: string, value: unknown): boolean {
    this.#checkWrite(key);
    const element = copyValue(value);
    let wasThere = false;
    this.#store.change(() => (wasThere = this.#store.replica.removeElement(key, partOf(element), formOf(element))));
    return wasThere;
  }

  /** The elements of a set, as copies, in an order that is the same for all replicas; none where it is not known. */
  // oxlint-disable-next-line typescript/no-explicit-any -- what a value is, only its user knows
  getSet<Value = any>(key: string): Value[] {
    const set = this.#store.replica.entries.sets.get(key);
    // What kind of values they are, the user says.
    return set ? set.sorted().map((dot) => elementOf(dot.part, formOfPart(dot)) as Value) : [];
  }

  /** Whether a set has an element. Refuses with an InvalidValueError or ValueTooLargeError what cannot be one. */
  hasInSet(key: string, value: unknown): boolean {
    const element = copyValue(value);
    return this.#store.replica.entries.sets.get(key)?.first(partOf(element), formOf(element)) !== undefined;
  }

  /** The keys of one kind that there is something under, in order. */
  keys(kind: StateKind): string[] {
    const { registers, counters, sets } = this.#store.replica.entries;
    const byKind = { register: registers, counter: counters, set: sets };
    if (!Object.hasOwn(byKind, kind))
      throw new InvalidArgumentError(`a kind is register, counter or set, not ${String(kind)}`);
    return [...byKind[kind].keys()].sort();
  }

  /** Calls a listener with every event of a name; see `StateEvents`. */
  on<Name extends StateEventName>(event: Name, listener: StateListener<Name>): this {
    this.#listeners.add(event, listener);
    if (event === "delta") this.#store.updateTelling();
    return this;
  }

  /** Ends what `on` began. */
  off<Name extends StateEventName>(event: Name, listener: StateListener<Name>): this {
    this.#listeners.remove(event, listener);
    if (event === "delta") this.#store.updateTelling();
    return this;
  }

  /** Lets other plugins read a value under this plugin's id and a key, until it is exported anew or withdrawn. Resolves when it is stored. Rejects as `setRegister` refuses, and with a StateFileError. */
  async exportState(key: string, value: unknown, options: ExportOptions = {}): Promise<void> {
    // A value that cannot be is told of by its own places.
    const exported = toExported(copyValue(value), options);
    this.#setRegister(this.#store.replica.entries.exports, key, copyValue(exported));
    await this.flushed();
  }

  /** Ends an export; false where there is none. Resolves when that is stored. */
  async withdrawState(key: string): Promise<boolean> {
    const wasThere = this.#deleteRegister(this.#store.replica.entries.exports, key);
    await this.flushed();
    return wasThere;
  }

  /**
   * Reads what another plugin exports: a copy; undefined where it exports nothing under this key. Rejects with a ReadRefusedError where
   * it exports that to others only, with the bus's NoResponderError at once where the plugin or its state manager is not there, with the
   * bus's RequestTimeoutError, or with the signal's reason.
   */
  // oxlint-disable-next-line typescript/no-explicit-any -- what a value is, only the two plugins know
  async importState(pluginId: string, key: string, options: ImportOptions = {}): Promise<any> {
    checkKey(key);
    options.signal?.throwIfAborted();
    if (pluginId === this.pluginId) return takeAnswer(readExport(this.#store, key, pluginId), pluginId, key);
    if (!this.#bus) throw new NoBusError();
    return await readFrom(this.#bus, pluginId, key, options);
  }

  /** The whole state in a few bytes, for `merge` and `mergeSnapshots`. Replicas with the same state have the same snapshot. */
  snapshot(): Uint8Array {
    const [page] = encodeState(this.#store.replica) as [Uint8Array];
    return page.slice();
  }

  /** Merges a snapshot of another replica, or an older one of this. Refuses with an InvalidSnapshotError or ForgedDeltaError; then nothing was changed. */
  merge(snapshot: Uint8Array): void {
    this.#checkOpen();
    this.#store.join(decodeState([snapshot]));
    this.#replicator?.compareSoon();
  }

  /**
   * Applies a delta of another replica that did not come over the bus. `known`: there was nothing new in it. `gap`: deltas before it are
   * missing here, so it was not applied; merge a snapshot. Refuses with an InvalidDeltaError or ForgedDeltaError; then nothing was changed.
   */
  applyDelta(delta: Uint8Array): Applied {
    this.#checkOpen();
    const decoded = decodeDelta(delta);
    // A copy, since it is stored later.
    const applied = this.#store.apply(decoded, delta.slice());
    if (applied === "applied") this.#replicator?.compareSoon();
    return applied;
  }

  /** Resolves when what the other replicas had at the beginning is here, or none has answered for a quarter of a second. */
  async joined(): Promise<void> {
    await this.#replicator?.joined();
  }

  /** Stores everything that was done so far and hands it to the bus. Rejects with a StateFileError; then it is in memory only and goes out with the next try. */
  async flushed(): Promise<void> {
    this.flush();
  }

  /** Does what `flushed` does before it returns. Throws a StateFileError. */
  flush(): void {
    if (!this.#isClosed) this.#store.journal.flush();
  }

  /** Stores what is left, takes leave of the other replicas and lets go of the file. Reads go on; writes are refused. Rejects as `flushed` does, closed all the same. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    try {
      this.#store.journal.flush();
    } finally {
      this.#isClosed = true;
      flushAtExit.delete(this.#store);
      this.#exports?.close();
      this.#replicator?.close();
      this.#store.journal.close();
      this.#persistence?.close();
      this.#listeners.clear();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #setRegister(registers: Registers, key: string, value: JsonValue): void {
    this.#checkOpen();
    // What is there has a key that can be.
    if (!registers.first(key)) checkKey(key);
    const { replica, hybridClock } = this.#store;
    this.#store.change(() => replica.setRegister(registers, key, value, hybridClock.tick()));
  }

  #deleteRegister(registers: Registers, key: string): boolean {
    this.#checkWrite(key);
    let wasThere = false;
    this.#store.change(() => (wasThere = this.#store.replica.deleteRegister(registers, key)));
    return wasThere;
  }

  #count(key: string, n: number, added: number, taken: number): number {
    this.#checkWrite(key);
    if (!Number.isSafeInteger(n) || n < 0)
      throw new InvalidArgumentError(`a counter takes whole numbers from 0, not ${String(n)}`);
    if (n > 0) this.#store.change(() => this.#store.replica.count(key, added, taken));
    return this.getCounter(key);
  }

  #checkWrite(key: string): void {
    this.#checkOpen();
    checkKey(key);
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new StateClosedError(this.pluginId);
  }
}

function busOf(pluginId: string, bus: MessageBus | false | undefined): MessageBus | undefined {
  if (bus === false) return undefined;
  const chosen = bus ?? getMessageBus(pluginId);
  if (chosen.pluginId === pluginId) return chosen;
  throw new InvalidArgumentError(
    `the state of plugin ${pluginId} goes over its own bus, not over that of ${chosen.pluginId}`,
  );
}
