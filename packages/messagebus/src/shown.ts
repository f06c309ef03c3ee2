const MOST_CHARACTERS = 80;

/** A value from outside as an error message can show it: short, and never by code of its own. */
export function shown(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value.length > MOST_CHARACTERS ? `${value.slice(0, MOST_CHARACTERS)}…` : value);
    case "number":
    case "boolean":
    case "undefined":
      return String(value);
    case "bigint":
    case "function":
    case "object":
    case "symbol":
      return value === null ? "null" : `a ${typeof value}`;
  }
}
