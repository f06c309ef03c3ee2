import { canonicalJson, type Step } from "@signalbox/protocol";

import { ControlPlaneError } from "../errors.ts";

/** A step whose needs are spelled out. */
export type OrderedStep = Step & { readonly needs: string[] };

/**
 * Puts steps in an order in which each comes after all that it needs, keeping the plan's order wherever that leaves a
 * choice. A step that names no needs needs the one before it; the same step written twice is one. Refuses a name used
 * for different steps, a need that is not there, a step that needs itself, and a circle, each with the steps concerned.
 */
export function orderSteps(steps: readonly Step[]): OrderedStep[] {
  const named = withNeeds(steps);
  const byName = new Map(named.map((step) => [step.name, step]));
  const ordered: OrderedStep[] = [];
  const placed = new Set<string>();
  let rest = named;
  while (rest.length > 0) {
    const next = rest.find((step) => step.needs.every((need) => placed.has(need)));
    if (!next) throw circle(rest, byName);
    ordered.push(next);
    placed.add(next.name);
    rest = rest.filter((step) => step !== next);
  }
  return ordered;
}

function withNeeds(steps: readonly Step[]): OrderedStep[] {
  const places = firstPlaces(steps);
  const named = [...places].flatMap(([, place]) => steps[place] ?? []);
  return named.map((step, index) => {
    const at = `plan.steps[${places.get(step.name) ?? index}].needs`;
    const needs = [...new Set(step.needs ?? (index > 0 ? [named[index - 1]?.name ?? ""] : []))];
    const missing = needs.find((need) => !places.has(need));
    if (missing !== undefined)
      throw invalidPlan(`step "${step.name}" needs "${missing}", which is not in the plan`, at);
    if (needs.includes(step.name)) throw invalidPlan(`step "${step.name}" needs itself`, at);
    return { ...step, needs };
  });
}

/** Where each step stands in the plan as the caller wrote it, in that order. */
export function firstPlaces(steps: readonly Step[]): Map<string, number> {
  const places = new Map<string, number>();
  for (const [index, step] of steps.entries()) {
    const first = places.get(step.name);
    if (first === undefined) places.set(step.name, index);
    // Only a name that comes again makes the two worth comparing.
    else if (canonicalJson(steps[first]) !== canonicalJson(step))
      throw invalidPlan(`two steps are called "${step.name}"`, `plan.steps[${index}].name`);
  }
  return places;
}

function circle(rest: readonly OrderedStep[], byName: ReadonlyMap<string, OrderedStep>): ControlPlaneError {
  const open = new Set(rest.map((step) => step.name));
  const path: string[] = [];
  let at = rest[0];
  while (at && !path.includes(at.name)) {
    path.push(at.name);
    const next = at.needs.find((need) => open.has(need));
    at = next === undefined ? undefined : byName.get(next);
  }
  const names = [...path.slice(path.indexOf(at?.name ?? "")), at?.name ?? ""];
  return invalidPlan(`the steps need each other in a circle: ${names.join(" → ")}`, "plan.steps");
}

function invalidPlan(message: string, path: string): ControlPlaneError {
  return new ControlPlaneError("INVALID_PLAN", message, { issues: [{ path, message }] });
}
