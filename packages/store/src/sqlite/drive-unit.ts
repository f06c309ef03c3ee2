import { UnitRefusal } from "../errors.ts";
import type { Statement } from "../unit.ts";

/** Drives a unit to its end and returns its result; `execute` answers each statement. Throws what the unit throws. */
export function driveUnit<Result>(
  unit: Generator<Statement, Result, unknown>,
  execute: (statement: Statement) => unknown,
): Result {
  let step = unit.next();
  while (!step.done) {
    step = unit.next(answer(unit, step.value, execute));
  }
  return step.value;
}

function answer(
  unit: Generator<Statement, unknown, unknown>,
  statement: Statement,
  execute: (statement: Statement) => unknown,
): unknown {
  try {
    return execute(statement);
  } catch (error) {
    throw error instanceof UnitRefusal ? translated(unit, error) : abandoned(unit, error);
  }
}

/** The unit may put a refusal of its own in the place of a broken constraint; it may not go on. */
function translated(unit: Generator<Statement, unknown, unknown>, refusal: UnitRefusal): unknown {
  try {
    unit.throw(refusal);
  } catch (error) {
    return error;
  }
  return abandoned(unit, refusal);
}

/** Trouble of the store, or a bug: not for the unit to see, but its `finally` blocks run. */
function abandoned(unit: Generator<Statement, unknown, unknown>, error: unknown): unknown {
  try {
    unit.return(undefined);
  } catch {
    // The first error is the one that tells what happened.
  }
  return error;
}
