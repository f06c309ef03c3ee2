/** One step in the life of the schema, in SQL that every engine understands. Once released it is never changed. */
export interface Migration {
  /** 1, 2, 3 …: the order in which they are applied. */
  readonly id: number;
  readonly name: string;
  /** The statements, in order, one in each text. */
  readonly up: readonly string[];
}
