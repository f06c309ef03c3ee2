import type { JsonValue } from "../value/json-value.ts";
import type { Home } from "./home.ts";
import type { Writer } from "./writer.ts";

/**
 * What one operation left behind, until another one that has seen it overwrites or removes it. It is named by its writer
 * and number; nothing remains of it when it is gone, since whoever knows `seq` of its writer knows that it was.
 *
 * A home and a part of it are a cell: a register, one replica's part of a counter, an element of a set. An operation
 * overwrites or removes every dot of its cell that its replica has seen, so more than one is left there only by writers who
 * did not know of each other.
 *
 * | kind             | `part`         | `main`              | `side`              | `value`   |
 * | ---------------- | -------------- | ------------------- | ------------------- | --------- |
 * | register, export | its key        | its stamp           | –                   | the value |
 * | counter          | whose part     | what was added ever | what was taken ever | –         |
 * | set              | the element    | –                   | the form of `part`  | –         |
 */
export class Dot {
  readonly writer: Writer;
  readonly seq: number;
  readonly home: Home;
  readonly part: string;
  readonly main: number;
  readonly side: number;
  readonly value: JsonValue;
  /** Its neighbours among what its writer left behind. */
  older: Dot | undefined = undefined;
  newer: Dot | undefined = undefined;
  /** The next in its cell. */
  beside: Dot | undefined = undefined;

  constructor(writer: Writer, seq: number, home: Home, part: string, main: number, side: number, value: JsonValue) {
    this.writer = writer;
    this.seq = seq;
    this.home = home;
    this.part = part;
    this.main = main;
    this.side = side;
    this.value = value;
  }
}

/** The dot of this name among those of a cell. */
export function findDot(first: Dot | undefined, writer: Writer, seq: number): Dot | undefined {
  let dot = first;
  while (dot && (dot.seq !== seq || dot.writer !== writer)) dot = dot.beside;
  return dot;
}
