import type { BenchOptions } from "../harness/bench-options.ts";
import { aimForRatio, figure, ratio, type Aim, type Report } from "../harness/report.ts";
import type { Work } from "./contender.ts";
import { takeTurns, type Entry, type Medians } from "./rounds.ts";

const SUBSCRIPTIONS = [10, 1_000, 10_000];
const OURS: Entry = { label: "Signalbox", name: "signalbox" };
const EVENTEMITTER2: Entry = { label: "eventemitter2 (wildcards, no envelope)", name: "eventemitter2" };

/** How many messages a second reach who subscribed, by the number of subscriptions; and when every topic is a new one. */
export async function publishing(nats: string | undefined, options: BenchOptions): Promise<Report[]> {
  const peers: Entry[] = [
    EVENTEMITTER2,
    { label: "moleculer, broadcastLocal", name: "moleculer" },
    ...(nats === undefined ? [] : [{ label: "nats.js, over loopback", name: "nats" as const, service: nats }]),
  ];
  const known = [
    OURS,
    { label: "Signalbox, each awaited", name: "signalbox-awaited" as const },
    ...peers,
    { label: "eventemitter3 (exact topics, no envelope)", name: "eventemitter3" as const },
  ];
  const notes = nats === undefined ? ["nats.js was not measured: there is no nats-server here."] : [];
  return [
    await compare("publish", known, options, {
      title: "Bus: publish, two of the subscriptions match",
      what: "Messages per second in one process with a payload of three fields, one exact subscription and one with wildcards matching; every delivery is counted. Signalbox and NATS send an envelope or JSON; Signalbox also checks the payload and stamps sender, id and time.",
      notes,
    }),
    // No aim: what is wanted is that a flood of topics costs neither memory nor more than a few times what a known topic costs.
    await compare("publish-new-topics", [OURS, EVENTEMITTER2], options, {
      title: "Bus: publish, every message on a topic never seen before",
      what: "As above with one matching subscription. What Signalbox remembers of topics, which is bounded, does not help here and costs.",
      notes: [],
    }),
  ];
}

async function compare(
  work: Work,
  entries: readonly Entry[],
  options: BenchOptions,
  words: Pick<Report, "title" | "what" | "notes">,
): Promise<Report> {
  const variants = SUBSCRIPTIONS.map((subscriptions) => ({ work, subscriptions, inFlight: 1 }));
  const medians = await takeTurns(entries, variants, options);
  const ours = medians.get(OURS) ?? [];
  return {
    ...words,
    what: `${words.what} Median of ${options.rounds}.`,
    columns: ["", ...SUBSCRIPTIONS.map((count) => `${count.toLocaleString("en-US")} subscriptions`), "Signalbox is"],
    rows: entries.map((entry) => {
      const figures = medians.get(entry) ?? [];
      return [entry.label, ...figures.map(figure), entry === OURS ? "" : ratios(ours, figures)];
    }),
    aims: work === "publish" ? aims(medians) : [],
  };
}

function ratios(ours: readonly (number | undefined)[], theirs: readonly (number | undefined)[]): string {
  return ours.map((value, column) => ratio(value, theirs[column])).join(" · ");
}

function aims(medians: Medians): Aim[] {
  const [ours = [], theirs = []] = [medians.get(OURS), medians.get(EVENTEMITTER2)];
  return [
    ...SUBSCRIPTIONS.map((count, column) =>
      aimForRatio(`at least eventemitter2 with ${count.toLocaleString("en-US")}`, ours[column], theirs[column], 1),
    ),
    aimForRatio("flat: with 10,000 at least 0.8 of what it is with 10", ours[2], ours[0], 0.8),
  ];
}
