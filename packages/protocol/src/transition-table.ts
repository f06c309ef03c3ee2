/** The life of a noun: each state, the events that may happen in it, and the state each leads to. */
export type TransitionTable = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** The states of a table. */
export type StateOf<Table extends TransitionTable> = keyof Table & string;

/** Every event that some state of a table knows. */
export type MoveOf<Table extends TransitionTable> = {
  [State in keyof Table]: keyof Table[State] & string;
}[keyof Table];

/** Where an event takes a noun, or undefined where the table has no arrow for it. */
export function nextState<Table extends TransitionTable>(
  table: Table,
  state: StateOf<Table>,
  move: MoveOf<Table>,
): StateOf<Table> | undefined {
  const moves: Readonly<Record<string, string>> | undefined = table[state];
  return moves !== undefined && Object.hasOwn(moves, move) ? moves[move] : undefined;
}

/** Whether no arrow leaves a state. */
export function isFinal<Table extends TransitionTable>(table: Table, state: StateOf<Table>): boolean {
  const moves = table[state];
  return moves !== undefined && Object.keys(moves).length === 0;
}
