import { describe, expect, it } from "vitest";
import {
  CIRCUIT_TRANSITIONS,
  dueMove,
  move,
  newCircuit,
  openFor,
  type Circuit,
  type CircuitEvent,
  type CircuitState,
} from "./circuit-state.ts";
import { toSettings } from "./settings.ts";

const rules = toSettings("payments", { timeout: 1_000, maxTimeout: 5_000 });
const circuits: Record<CircuitState, Circuit> = {
  closed: newCircuit(),
  open: { state: "open", openings: 2, untilMs: 5_000, reason: "failures" },
  "half-open": { state: "half-open", openings: 2, probes: 3, successes: 1, lastProbeMs: 4_000 },
};
const EVENTS: CircuitEvent[] = ["trip", "wait", "recover", "relapse", "stall", "open", "isolate", "close"];
const STATES = Object.keys(circuits) as CircuitState[];

describe("The life of a circuit", () => {
  it.each(STATES.flatMap((state) => EVENTS.map((event) => [state, event] as const)))(
    "from %s by %s goes by the table",
    (state, event) => {
      const arrows: Partial<Record<CircuitEvent, CircuitState>> = CIRCUIT_TRANSITIONS[state];

      const next = move(circuits[state], { event, atMs: 6_000, reason: "because" }, rules);

      expect(next?.state).toBe(arrows[event]);
      expect(next).not.toBe(circuits[state]);
    },
  );

  it("counts openings in a row, which closing ends", () => {
    const again = move(circuits["half-open"], { event: "relapse", atMs: 6_000, reason: "because" }, rules);
    const first = move(circuits.closed, { event: "trip", atMs: 6_000, reason: "because" }, rules);

    expect(again).toEqual({ state: "open", openings: 3, untilMs: 10_000, reason: "because" });
    expect(first).toEqual({ state: "open", openings: 1, untilMs: 7_000, reason: "because" });
  });

  it("has openings that grow by their factor up to the longest, however many there were", () => {
    expect([1, 2, 3, 4, 5_000].map((openings) => openFor(openings, rules))).toEqual([
      1_000, 2_000, 4_000, 5_000, 5_000,
    ]);
  });

  it("is moved by time when an opening is over, and when a full house of probes goes unanswered", () => {
    const due = STATES.map((state) => [4_999, 5_000].map((nowMs) => dueMove(circuits[state], nowMs, rules)?.event));

    expect(due).toEqual([
      [undefined, undefined],
      [undefined, "wait"],
      [undefined, "stall"],
    ]);
  });
});
