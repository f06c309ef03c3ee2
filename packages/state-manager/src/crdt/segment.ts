import type { DotName } from "../codec/delta-codec.ts";
import type { JsonValue } from "../value/json-value.ts";
import type { Kind } from "./kinds.ts";

/**
 * What is left of one writer's operations after `from`, up to `to`: exactly these dots; every other one of that range is
 * gone. Ascending. The whole state of a replica is such segments from 0, and its early removals.
 */
export interface Segment {
  readonly writerId: string;
  readonly from: number;
  readonly to: number;
  readonly dots: readonly SegmentDot[];
}

export interface SegmentDot {
  readonly seq: number;
  /** Absent where the receiver has seen the operation: then it has the dot or knows it to be gone. */
  readonly entry: SegmentEntry | undefined;
}

/** Where the dot belongs and what it holds; see `Dot`. */
export interface SegmentEntry {
  readonly kind: Kind;
  readonly key: string;
  readonly part: string;
  readonly main: number;
  readonly side: number;
  readonly value: JsonValue;
}

/** A whole state, or what one lacks of another: all of it is to be joined at once. */
export interface StateParts {
  readonly segments: readonly Segment[];
  /** Removals that the sender knows of operations that it has not seen. */
  readonly early: readonly DotName[];
}
