import { InvalidOptionError } from "./errors.ts";
import { limit } from "./limits.ts";

/** What a numeric option may be. */
export interface NumberRule {
  readonly kind: "number";
  readonly least: number;
  readonly most: number;
  /** Whether fractions are refused. */
  readonly isWhole?: boolean;
  /** Whether Infinity, "never", is allowed as well. */
  readonly isEndlessAllowed?: boolean;
}

/** What an option may be; for each option of a call one rule. */
export type OptionRule =
  | NumberRule
  | { readonly kind: "boolean" | "function" }
  | { readonly kind: "choice"; readonly choices: readonly string[] }
  | { readonly kind: "object"; readonly methods: readonly string[] };

/** A duration of at least 1 ms. */
export const DURATION = { kind: "number", least: 1, most: limit("duration.maxMs") } as const satisfies OptionRule;

/** What an injected clock must have. */
export const CLOCK = { kind: "object", methods: ["now", "monotonic", "setTimer"] } as const satisfies OptionRule;

/**
 * Checks options that may come from a file or from JavaScript. Refuses with an InvalidOptionError names that no rule
 * has, since a misspelt option would otherwise be a default in silence, and values against their rule. An option that
 * is undefined is absent.
 */
export function checkOptions(what: string, options: unknown, rules: Readonly<Record<string, OptionRule>>): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new InvalidOptionError(`the options of ${what} are an object, not ${show(options)}`);
  }
  for (const [name, value] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (!rule)
      throw new InvalidOptionError(`${what} has no option ${show(name)}; it has ${Object.keys(rules).join(", ")}`);
    if (value === undefined) continue;
    const wanted = whatIsWanted(rule, value);
    if (wanted !== undefined) throw new InvalidOptionError(`${name} of ${what} is ${wanted}, not ${show(value)}`);
  }
}

/** What the rule wants, in words; undefined where the value is that. */
function whatIsWanted(rule: OptionRule, value: unknown): string | undefined {
  switch (rule.kind) {
    case "number":
      return isInRange(rule, value) ? undefined : inWords(rule);
    case "choice":
      return rule.choices.some((choice) => choice === value) ? undefined : `one of ${rule.choices.join(", ")}`;
    case "object":
      return rule.methods.every((method) => hasMethod(value, method))
        ? undefined
        : `an object with ${rule.methods.join(", ")}`;
    case "boolean":
    case "function":
      return typeof value === rule.kind ? undefined : `a ${rule.kind}`;
  }
}

function isInRange({ least, most, isWhole, isEndlessAllowed }: NumberRule, value: unknown): boolean {
  if (typeof value !== "number") return false;
  if (value === Number.POSITIVE_INFINITY) return isEndlessAllowed === true;
  return value >= least && value <= most && (!isWhole || Number.isInteger(value));
}

function inWords({ least, most, isWhole, isEndlessAllowed }: NumberRule): string {
  return `a ${isWhole ? "whole " : ""}number from ${least} to ${most}${isEndlessAllowed ? " or Infinity" : ""}`;
}

function hasMethod(value: unknown, method: string): boolean {
  // Any object may be asked for a property.
  return (
    typeof value === "object" && value !== null && typeof (value as Record<string, unknown>)[method] === "function"
  );
}

/** A value as an error message shows it: what kind it is, and never all of something long. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === "number" || typeof value === "boolean" || value === undefined || value === null) {
    return String(value);
  }
  return Array.isArray(value) ? "an array" : `a ${typeof value}`;
}
