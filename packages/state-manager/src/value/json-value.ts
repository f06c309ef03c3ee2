/** JSON data. What is kept of it is a copy that nobody else holds, so it does not change. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** A copy of kept data, for a user who may change it. */
export function cloneValue(value: JsonValue): JsonValue {
  if (typeof value !== "object" || value === null) return value;
  if (isList(value)) return value.map(cloneValue);
  const clone: Record<string, JsonValue> = {};
  for (const name of Object.keys(value)) clone[name] = cloneValue(value[name] ?? null);
  return clone;
}

/** JSON with the fields of objects in the order of their names, so that equal values have the same text. */
export function canonicalJson(value: JsonValue): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (isList(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const fields = Object.keys(value).sort();
  return `{${fields.map((name) => `${JSON.stringify(name)}:${canonicalJson(value[name] ?? null)}`).join(",")}}`;
}

export function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
