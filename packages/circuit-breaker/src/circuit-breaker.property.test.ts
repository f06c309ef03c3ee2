import fc from "fast-check";
import { ManualClock } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { heldWork, type HeldWork } from "../test/held-work.ts";
import { ReferenceBreaker, type ReferenceRules } from "../test/reference-breaker.ts";
import { CircuitBreaker, CircuitOpenError } from "./index.ts";

type Step =
  | { readonly kind: "begin" }
  | { readonly kind: "end"; readonly which: number; readonly how: "succeed" | "fail" | "abort" }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "look" }
  | { readonly kind: "hand"; readonly what: "open" | "isolate" | "close" | "reset" };

/** On a coarse grid, so that what falls due at the same moment is met often. */
const duration = (most: number) => fc.integer({ min: 1, max: most / 50 }).map((parts) => parts * 50);

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constant<Step>({ kind: "begin" }) },
    { weight: 2, arbitrary: fc.constant<Step>({ kind: "look" }) },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant("end" as const),
        which: fc.nat(20),
        how: fc.constantFrom("succeed" as const, "fail" as const, "fail" as const, "abort" as const),
      }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: duration(400) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("hand" as const),
        what: fc.constantFrom("open" as const, "isolate" as const, "close" as const, "reset" as const),
      }),
    },
  ),
  { maxLength: 120, size: "max" },
);

const rules: fc.Arbitrary<ReferenceRules> = fc
  .record({
    threshold: fc.integer({ min: 1, max: 4 }),
    timeout: duration(500),
    halfOpenRetries: fc.integer({ min: 1, max: 4 }),
    halfOpenConcurrency: fc.integer({ min: 1, max: 4 }),
    halfOpenTimeout: duration(500),
    monitoringWindow: duration(1_000),
    growth: fc.integer({ min: 1, max: 4 }),
  })
  .map(({ growth, ...others }) => ({ ...others, maxTimeout: others.timeout * growth }));

interface Pending {
  readonly held: HeldWork;
  readonly controller: AbortController;
  readonly ended: Promise<unknown>;
  readonly id: number;
}

describe("CircuitBreaker", () => {
  // The two ways that a call can go are one to its user: with and without a signal, with and without listeners.
  it.each([{ isLong: false }, { isLong: true }])(
    "does what a simple model does, on any schedule ($isLong)",
    async ({ isLong }) => {
      await fc.assert(
        fc.asyncProperty(rules, steps, async (chosen, schedule) => {
          const clock = new ManualClock();
          const breaker = new CircuitBreaker("payments", { announce: false, clock, ...chosen });
          if (isLong) breaker.on("succeeded", () => undefined);
          const model = new ReferenceBreaker(chosen);
          const told: string[] = [];
          for (const event of ["opened", "half-opened", "closed"] as const) {
            breaker.on(event, ({ previous, state }) => told.push(`${previous} → ${state}`));
          }
          const pending: Pending[] = [];
          for (const step of schedule) {
            await take(step);
          }
          look();
          expect(told).toEqual(model.told);

          async function take(step: Step): Promise<void> {
            if (step.kind === "wait") clock.advance(step.ms);
            else if (step.kind === "look") look();
            else if (step.kind === "hand") {
              breaker[step.what]();
              model.byHand(step.what, clock.monotonic());
            } else if (step.kind === "begin") await begin();
            else await end(step);
          }

          function look(): void {
            expect(breaker.getState()).toBe(model.state(clock.monotonic()));
            expect(breaker.getStats().inFlight).toBe(pending.length);
          }

          async function begin(): Promise<void> {
            const held = heldWork();
            const controller = new AbortController();
            let hasBegun = false;
            const work = () => {
              hasBegun = true;
              return held.run();
            };
            const canAbort = isLong || pending.length % 2 === 1;
            const options = canAbort ? { signal: controller.signal } : {};
            const ended = breaker.execute(work, undefined, options).catch((error: unknown) => error);
            const id = model.begin(clock.monotonic());
            expect(hasBegun).toBe(id !== undefined);
            const refusal = id === undefined ? await ended : undefined;
            expect(refusal instanceof CircuitOpenError).toBe(!hasBegun);
            if (id !== undefined) pending.push({ held, controller, ended, id });
          }

          async function end({ which, how }: Extract<Step, { kind: "end" }>): Promise<void> {
            if (pending.length === 0) return;
            const [call] = pending.splice(which % pending.length, 1);
            if (!call) return;
            if (how === "abort") call.controller.abort();
            if (how === "succeed") call.held.succeed("well");
            // A call that was begun without a signal cannot be given up; it fails.
            call.held.fail(new Error("no service"));
            const result = await call.ended;
            const wasAborted = result instanceof DOMException;
            model.end(call.id, wasAborted ? "abort" : how === "succeed" ? "succeed" : "fail", clock.monotonic());
          }
        }),
        { numRuns: 250 },
      );
    },
  );
});
