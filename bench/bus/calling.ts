import type { BenchOptions } from "../harness/bench-options.ts";
import { figure, ratio, type Aim, type Report } from "../harness/report.ts";
import { takeTurns, type Entry } from "./rounds.ts";

const IN_FLIGHT = [1, 64];
const OURS: Entry = { label: "Signalbox", name: "signalbox" };
const CALLS_WANTED = 2_000_000;

/** How many calls of an asynchronous method that does nothing are answered in a second, in one process. */
export async function calling(nats: string | undefined, options: BenchOptions): Promise<Report> {
  const entries: Entry[] = [
    OURS,
    { label: "moleculer, local call", name: "moleculer" },
    { label: "birpc, both ends in one process", name: "birpc" },
    ...(nats === undefined ? [] : [{ label: "nats.js request, over loopback", name: "nats" as const, service: nats }]),
  ];
  const variants = IN_FLIGHT.map((inFlight) => ({ work: "call" as const, subscriptions: 10, inFlight }));
  const medians = await takeTurns(entries, variants, options);
  const ours = medians.get(OURS) ?? [];
  return {
    title: "RPC: calls in one process",
    what: `Calls per second of an async method with three parameters and two fields of result. Signalbox checks both, holds a deadline for each call and can cancel it. Median of ${options.rounds}.`,
    columns: ["", ...IN_FLIGHT.map((count) => `${count} in flight`), "Signalbox is"],
    rows: entries.map((entry) => {
      const figures = medians.get(entry) ?? [];
      const ratios = figures.map((value, column) => ratio(ours[column], value)).join(" · ");
      return [entry.label, ...figures.map(figure), entry === OURS ? "" : ratios];
    }),
    aims: IN_FLIGHT.map((count, column) =>
      aimForLeast(`at least 2 M calls a second, ${count} in flight`, ours[column]),
    ),
    notes: nats === undefined ? ["nats.js was not measured: there is no nats-server here."] : [],
  };
}

function aimForLeast(text: string, value: number | undefined): Aim {
  if (value === undefined) return { text, isMet: undefined, came: "not measured" };
  return { text, isMet: value >= CALLS_WANTED, came: `${figure(value)} a second` };
}
