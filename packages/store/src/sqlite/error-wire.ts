import { UnitRefusal } from "../errors.ts";

/** A class of errors that a unit may throw; what its constructor takes does not matter. */
export type ErrorClass = abstract new (...args: never[]) => Error;

/** An error on its way between threads, which keep neither its class nor, by themselves, its fields. */
export interface WireError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly isRefusal: boolean;
  /** The error's own fields: `code`, `details` and whatever else its class gives it. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** An error as plain data. Something thrown that is no error becomes one. */
export function toWireError(thrown: unknown): WireError {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const { name, message, stack } = error;
  return { name, message, stack, isRefusal: error instanceof UnitRefusal, fields: cloneableFields(error) };
}

/**
 * Makes errors of the given classes again out of plain data. Of the classes that are not among them, refusals become a
 * `UnitRefusal` and the others a plain `Error`, both under their own name.
 */
export class ErrorReviver {
  readonly #classes: Map<string, ErrorClass>;

  constructor(classes: readonly ErrorClass[]) {
    this.#classes = new Map(classes.map((errorClass) => [errorClass.name, errorClass]));
  }

  revive(wire: WireError): Error {
    const error = new Error(wire.message);
    const errorClass = this.#classes.get(wire.name) ?? (wire.isRefusal ? UnitRefusal : undefined);
    // Constructors take what they like, so the class is put on afterwards and the fields are set by hand.
    if (errorClass) Object.setPrototypeOf(error, errorClass.prototype as object);
    Object.assign(error, wire.fields);
    if (error.name !== wire.name) Object.defineProperty(error, "name", { value: wire.name, configurable: true });
    Object.defineProperty(error, "stack", { value: wire.stack, configurable: true, writable: true });
    return error;
  }
}

function cloneableFields(error: Error): Record<string, unknown> {
  const fields = Object.entries(error).filter(([, value]) => isCloneable(value));
  return Object.fromEntries(fields);
}

/** Whether a value can cross threads. */
export function isCloneable(value: unknown): boolean {
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}
