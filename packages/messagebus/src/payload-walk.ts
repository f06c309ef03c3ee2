import { InvalidMessageError } from "./errors.ts";
import type { BusLimits } from "./limits.ts";

type PayloadLimits = Pick<BusLimits, "payload.bytes" | "payload.depth">;

/**
 * Looks at a payload closely: refuses with an InvalidMessageError that names the place, and measures exactly. Ends where a
 * limit is reached, so that a huge or circular payload costs no more than a big one.
 */
export function walkPayload(payload: unknown, limits: PayloadLimits, what: string): void {
  const walk = new Walk(limits, what);
  try {
    walk.visit(payload, 0);
    walk.checkSize(payload);
  } catch (error) {
    // A getter or a proxy of the payload may throw anything.
    throw error instanceof InvalidMessageError ? error : walk.refuse("reading it failed", error);
  }
}

class Walk {
  readonly #mostBytes: number;
  readonly #mostDepth: number;
  readonly #path: (string | number)[] = [];
  readonly #above: object[] = [];
  readonly #what: string;
  #characters = 0;
  #nodes = 0;

  constructor(limits: PayloadLimits, what: string) {
    this.#what = what;
    this.#mostBytes = limits["payload.bytes"];
    this.#mostDepth = limits["payload.depth"];
  }

  visit(value: unknown, depth: number): void {
    switch (typeof value) {
      case "string":
        this.#characters += value.length;
        this.#count();
        return;
      case "number":
        if (!Number.isFinite(value)) throw this.refuse(`${value} is not a JSON number`);
        this.#count();
        return;
      case "boolean":
        this.#count();
        return;
      case "object":
        this.#count();
        if (value !== null) this.#visitObject(value, depth);
        return;
      case "undefined":
        throw this.refuse("undefined is not JSON data");
      case "bigint":
      case "function":
      case "symbol":
        throw this.refuse(`a ${typeof value} is not JSON data`);
    }
  }

  /** Only after `visit`, which has made sure that this ends. */
  checkSize(payload: unknown): void {
    const bytes = Buffer.byteLength(JSON.stringify(payload));
    if (bytes > this.#mostBytes) throw this.#tooBig(`it has ${bytes}`);
  }

  #visitObject(value: object, depth: number): void {
    if (depth >= this.#mostDepth) throw this.#refuseDepth(value);
    this.#above[depth] = value;
    if (Array.isArray(value)) this.#visitItems(value, depth);
    else this.#visitFields(value, depth);
  }

  #visitItems(items: readonly unknown[], depth: number): void {
    // By index, so that holes are seen as the undefined that they are.
    for (let index = 0; index < items.length; index++) {
      this.#path[depth] = index;
      this.visit(items[index], depth + 1);
    }
    this.#path.length = depth;
  }

  #visitFields(value: object, depth: number): void {
    if (!isPlain(value)) throw this.refuse(`an instance of ${className(value)} is not JSON data`);
    for (const key of Object.keys(value)) {
      this.#path[depth] = key;
      if (key === "__proto__") throw this.refuse("a key __proto__ is not allowed");
      const field = (value as Record<string, unknown>)[key];
      if (field === undefined) continue;
      this.#characters += key.length;
      this.visit(field, depth + 1);
    }
    this.#path.length = depth;
  }

  #count(): void {
    this.#nodes++;
    // Each character and each value is a byte at least.
    if (this.#characters + this.#nodes > this.#mostBytes) throw this.#tooBig("it has more");
  }

  #refuseDepth(value: object): InvalidMessageError {
    const isCycle = this.#above.includes(value);
    return this.refuse(isCycle ? "it contains itself" : `it is nested more than ${this.#mostDepth} deep`);
  }

  #tooBig(came: string): InvalidMessageError {
    return new InvalidMessageError(`${this.#what} has at most ${this.#mostBytes} bytes as JSON; ${came}`);
  }

  /** The refusal for what is found at the place where the walk is. */
  refuse(reason: string, cause?: unknown): InvalidMessageError {
    const shown = this.#path
      .slice(0, 8)
      .map((step) => (typeof step === "number" ? `[${step}]` : `.${step.slice(0, 40)}`));
    const place = shown.length === 0 ? "" : ` at ${shown.join("")}${this.#path.length > 8 ? "…" : ""}`;
    return new InvalidMessageError(
      `${this.#what} cannot be sent: ${reason}${place}`,
      cause === undefined ? {} : { cause },
    );
  }
}

/** Whether an object is nothing but its fields: no instance of a class, nor an array. */
export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  // A plain object of another realm has that realm's Object.prototype, which has nothing above it either.
  return prototype === Object.prototype || prototype === null || Object.getPrototypeOf(prototype) === null;
}

function className(value: object): string {
  const name: unknown = value.constructor?.name;
  return typeof name === "string" && name !== "" ? name : "a class";
}
