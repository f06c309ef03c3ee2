import { z } from "zod";
import { nearName } from "../near-name.ts";
import { printable } from "../printable.ts";
import { pathText } from "./manifest-error.ts";
import type { ManifestProblem } from "./manifest-error.ts";

/** What a schema makes of a value that came from a file, or every refusal in our words. */
export function checkSchema<Schema extends z.ZodObject>(
  schema: Schema,
  value: unknown,
  file: string,
): { output: z.output<Schema> | undefined; problems: ManifestProblem[] } {
  const result = schema.safeParse(value, { error: wantedBy });
  if (result.success) return { output: result.data, problems: [] };
  return {
    output: undefined,
    problems: result.error.issues.flatMap((issue) => toProblems(issue, schema, value, file)),
  };
}

/** Whether a value is an object that may have any keys. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** What stands at a place of a value; undefined where there is no such place. */
export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value;
  for (const key of path) {
    if (at === null || typeof at !== "object" || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<PropertyKey, unknown>)[key];
  }
  return at;
}

function toProblems(issue: z.core.$ZodIssue, schema: z.ZodObject, value: unknown, file: string): ManifestProblem[] {
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(schema, issue.path);
    return issue.keys.map((key) => unknownKey(file, [...issue.path, key], known));
  }
  const found = valueAt(value, issue.path);
  const isLength = (issue.code === "too_big" || issue.code === "too_small") && typeof found === "string";
  const text = isLength ? `${found.length} characters` : printable(found);
  return [{ file, path: pathText(issue.path), wanted: issue.message, found: text }];
}

/** What a schema wanted that does not say it itself; undefined leaves the words to zod. */
function wantedBy(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === "invalid_type") return TYPES[issue.expected];
  if (issue.code === "too_big") return `at most ${issue.maximum}${UNITS[issue.origin] ?? ""}`;
  if (issue.code === "too_small") return `at least ${issue.minimum}${UNITS[issue.origin] ?? ""}`;
  if (issue.code === "invalid_value") return `one of ${issue.values.map((value) => JSON.stringify(value)).join(", ")}`;
  return undefined;
}

const TYPES: Readonly<Record<string, string>> = {
  object: "an object",
  array: "a list",
  string: "a string",
  boolean: "true or false",
};

const UNITS: Readonly<Record<string, string>> = { string: " characters", array: " entries" };

function unknownKey(file: string, path: readonly PropertyKey[], known: readonly string[]): ManifestProblem {
  const near = nearName(String(path.at(-1)), known);
  const wanted = near === undefined ? `one of the keys ${known.join(", ")}` : `the key \`${near}\``;
  return { file, path: pathText(path), wanted, found: "a key that is not known" };
}

/** The keys of the block at a place of a schema. */
function keysAt(schema: z.ZodObject, path: readonly PropertyKey[]): string[] {
  let at: unknown = schema;
  for (const key of path) at = at instanceof z.ZodObject ? unwrapped(at.shape[String(key)]) : undefined;
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

function unwrapped(schema: unknown): unknown {
  return schema instanceof z.ZodPrefault || schema instanceof z.ZodDefault ? unwrapped(schema.unwrap()) : schema;
}
