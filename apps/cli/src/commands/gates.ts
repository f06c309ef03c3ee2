import type { GateState } from "@signalbox/protocol";
import { Option, type Command } from "commander";

import type { Context } from "../context.ts";
import type { Act } from "../program.ts";
import { printDiff } from "../sessions/show-diff.ts";
import { readCount } from "../read-milliseconds.ts";
import { ago, until } from "../text/format.ts";
import { remoteText } from "../text/remote-text.ts";

interface Options {
  readonly status: GateState | "all";
  readonly run?: string;
  readonly limit: number;
}

const STATES = ["pending", "approved", "denied", "expired", "superseded", "all"];

/** `signalbox gates`: lists what waits for a decision. */
export function define(command: Command, act: Act): void {
  command
    .addOption(new Option("--status <state>", "only gates in this state").choices(STATES).default("pending"))
    .option("--run <run>", "only gates of this run")
    .option("-n, --limit <count>", "how many", readCount, 50)
    .action(act(listGates));
  command
    .command("diff")
    .argument("<gate>", "its id")
    .option("--stat", "only which files, and how many lines")
    .description("show the whole diff that is decided on at a gate")
    .action(act(showGateDiff));
}

async function showGateDiff(context: Context, gateId: string, { stat }: { readonly stat?: true }): Promise<void> {
  const diff = await (await context.client()).gates.diff(gateId);
  context.output.result(diff, () => printDiff(context.output, diff, stat === true));
}

async function listGates(context: Context, { status, run, limit }: Options): Promise<void> {
  const { output, now } = context;
  const client = await context.client();
  const page = await client.gates.list({ status: status === "all" ? undefined : status, runId: run, limit });
  output.result(page, ({ items }) => {
    const rows = items.map((gate) => [
      gate.id,
      gate.status,
      ago(gate.requestedAt, now()),
      gate.status === "pending" ? until(gate.expiresAt, now()) : "",
      gate.runId,
      remoteText(gate.step),
      remoteText(gate.content.description),
    ]);
    output.table(
      ["GATE", "STATE", "ASKED", "EXPIRES", "RUN", "STEP", "QUESTION"],
      rows,
      "nothing waits for a decision",
    );
  });
}
