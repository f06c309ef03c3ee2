import type { Command } from "commander";

import type { Context } from "../context.ts";
import type { Act } from "../program.ts";

interface Options {
  readonly reason?: string;
  readonly abort?: true;
}

/** `signalbox cancel`: asks for a run to be cancelled. */
export function define(command: Command, act: Act): void {
  command
    .argument("<run>", "its id")
    .option("--reason <text>", "why, for the record")
    .option("--abort", "kill its steps at once instead of letting them clean up")
    .action(act(cancelRun));
}

async function cancelRun(context: Context, runId: string, options: Options): Promise<void> {
  const client = await context.client();
  const request = {
    mode: options.abort ? ("abort" as const) : ("cancel" as const),
    ...(options.reason === undefined ? {} : { reason: options.reason }),
  };
  const run = await client.runs.cancel(runId, request);
  context.output.result(run, () => {
    const words = run.status === "cancelled" ? "is cancelled" : "is being cancelled";
    context.output.line(`${run.id} ${words}`);
  });
}
