import type { StateError } from "./errors.ts";

interface ChangeBase {
  readonly key: string;
  /** Whether it was done here, or came from another replica or a merged snapshot. */
  readonly origin: "local" | "remote";
  /** The replica whose doing it was; undefined where a whole state was merged and nothing in it tells. */
  readonly replicaId: string | undefined;
}

/** A register shows another value, or none any more. */
export interface RegisterChange extends ChangeBase {
  readonly kind: "register";
  /** What it shows now: a copy; undefined when it was deleted. */
  // oxlint-disable-next-line typescript/no-explicit-any -- what a value is, only its user knows
  readonly value: any;
}

/** A counter has another value. */
export interface CounterChange extends ChangeBase {
  readonly kind: "counter";
  /** Its value now; NaN where it is beyond the safe whole numbers. */
  readonly value: number;
}

/** An element came into a set or left it. */
export interface SetChange extends ChangeBase {
  readonly kind: "set";
  readonly change: "added" | "removed";
  /** The element: a copy. */
  // oxlint-disable-next-line typescript/no-explicit-any -- what a value is, only its user knows
  readonly value: any;
}

/** Something that a reader of the state sees has changed. */
export type StateChange = RegisterChange | CounterChange | SetChange;

/** Another replica's clock is far ahead of ours. */
export interface ClockAhead {
  readonly replicaId: string;
  readonly aheadMs: number;
}

/** A message on the sync topic that was not taken. */
export interface MessageRefused {
  /** The plugin that sent it, as the bus stamped it. */
  readonly source: string;
  readonly error: StateError;
}

/** Something beside the operations that did not work. */
export interface Trouble {
  readonly error: unknown;
}

/** What was done here since the last delta. */
export interface DeltaMade {
  /** For `applyDelta` of other replicas. Not to be changed. */
  readonly bytes: Uint8Array;
}

/** What a state manager tells. */
export interface StateEvents {
  /** What a reader sees has changed, here or elsewhere; told after the change, once for each key or element that it touched. */
  changed: StateChange;
  /** What was done here, once for each turn of the event loop or `flush`, when it is stored. For transports other than the bus. */
  delta: DeltaMade;
  /** A write came whose time is further ahead of our clock than `clock.aheadMs`. It is taken; our own clock does not follow it. */
  "clock-ahead": ClockAhead;
  /** A message was refused: malformed, forged, or from another plugin. Nothing of it was taken. */
  "message-refused": MessageRefused;
  /** Something could not be sent, or another replica did not answer. It is made up for later. */
  "sync-failed": Trouble;
  /** What was done could not be stored. `flushed()` rejects with the same; others are not told before it is stored. */
  "persistence-failed": Trouble;
  /** A listener threw or rejected. */
  "listener-failed": Trouble;
}

/** The name of an event. */
export type StateEventName = keyof StateEvents;

/** Takes an event. What it returns is not waited for. */
export type StateListener<Name extends StateEventName> = (event: StateEvents[Name]) => unknown;
