import type { BenchOptions } from "../harness/bench-options.ts";
import { profiling, runScript } from "../harness/processes.ts";
import { figure, ratio, type Report } from "../harness/report.ts";
import { median } from "../harness/statistics.ts";
import type { BetweenTask, WireName } from "./between/wire.ts";

const IN_FLIGHT = [1, 256];
const WANTED = 250_000;
const OURS = "Signalbox, WebSocket to the server's process";

const ROWS: readonly { readonly label: string; readonly wire: WireName; readonly needsNats?: boolean }[] = [
  { label: OURS, wire: "signalbox-websocket" },
  { label: "birpc over ws", wire: "birpc-websocket" },
  { label: "birpc over IPC (process.send)", wire: "birpc-ipc" },
  { label: "birpc over a message port (two threads)", wire: "birpc-port" },
  { label: "Signalbox, NATS", wire: "signalbox-nats", needsNats: true },
  { label: "nats.js request and respond", wire: "nats", needsNats: true },
];

/** How many calls of a method in another process of this machine are answered in a second. */
export async function betweenProcesses(nats: number | undefined, options: BenchOptions): Promise<Report[]> {
  const rows = ROWS.filter(({ needsNats = false }) => !needsNats || nats !== undefined);
  const figures = new Map(rows.map(({ label }) => [label, IN_FLIGHT.map((): number[] => [])]));
  for (let round = 1; round <= options.rounds; round++) {
    for (const [column, inFlight] of IN_FLIGHT.entries()) {
      for (const { label, wire } of rows) {
        options.say(`bus, between processes, ${inFlight} in flight, round ${round}: ${label}`);
        const perSecond = await measure(wire, inFlight, nats, round, options);
        figures.get(label)?.[column]?.push(perSecond);
      }
    }
  }
  const medians = new Map([...figures].map(([label, columns]) => [label, columns.map(median)]));
  const ours = medians.get(OURS) ?? [];
  const most = ours.at(-1);
  return [
    {
      title: "RPC: calls between two processes of one machine",
      what: `Calls per second of an async method with three parameters and two fields of result. Signalbox's frames are checked on both sides against their schema, and on the server against the plugin's access list; each call has a deadline and can be cancelled. Median of ${options.rounds}.`,
      columns: ["", ...IN_FLIGHT.map((count) => `${count} in flight`), "Signalbox is"],
      rows: [...medians].map(([label, values]) => [
        label,
        ...values.map(figure),
        label === OURS ? "" : values.map((value, column) => ratio(ours[column], value)).join(" · "),
      ]),
      aims: [
        {
          text: `at least 250,000 calls a second, ${IN_FLIGHT.at(-1)} in flight`,
          isMet: most === undefined ? undefined : most >= WANTED,
          came: `${figure(most)} a second`,
        },
      ],
      notes: [
        "The limit of 20,000 frames a second that a broker has for each plugin is raised for this.",
        ...(nats === undefined ? ["There is no nats-server here, so nothing was measured over NATS."] : []),
      ],
    },
  ];
}

async function measure(
  wire: WireName,
  inFlight: number,
  nats: number | undefined,
  round: number,
  { isQuick, profileDir }: BenchOptions,
): Promise<number> {
  const isProfiled = round === 1 && wire === "signalbox-websocket";
  const nodeArgs = isProfiled ? profiling(profileDir, `bus-between-${inFlight}`) : [];
  const task: BetweenTask = {
    wire,
    inFlight,
    warmMs: isQuick ? 500 : 1_500,
    measureMs: isQuick ? 1_000 : 3_000,
    nodeArgs,
    ...(nats === undefined ? {} : { service: nats }),
  };
  const script = new URL("./between/measure.ts", import.meta.url);
  return (await runScript<{ readonly perSecond: number }>(script, task, { nodeArgs })).perSecond;
}
