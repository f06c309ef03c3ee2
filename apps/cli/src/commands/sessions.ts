import type { SessionState } from "@signalbox/protocol";
import { Option, type Command } from "commander";

import type { Context } from "../context.ts";
import type { Act } from "../program.ts";
import { readCount } from "../read-milliseconds.ts";
import { ago } from "../text/format.ts";
import { remoteText } from "../text/remote-text.ts";

interface Options {
  readonly state?: SessionState;
  readonly limit: number;
  readonly page: number;
}

/** Those of the protocol; they stand here too so that `--help` loads nothing. */
const STATES = [
  "CREATED",
  "QUEUED",
  "RUNNING",
  "WAITING_FOR_APPROVAL",
  "PAUSED_BY_HUMAN",
  "COMPLETED",
  "FAILED",
  "TIMED_OUT",
] satisfies SessionState[];

/** `signalbox sessions`: lists sessions, newest first. */
export function define(command: Command, act: Act): void {
  command
    .addOption(new Option("--state <state>", "only sessions in this state").choices(STATES))
    .option("-n, --limit <count>", "how many to a page", readCount, 20)
    .option("--page <number>", "which page", readCount, 1)
    .action(act(listSessions));
}

async function listSessions(context: Context, { state, limit, page }: Options): Promise<void> {
  const { output, now } = context;
  const client = await context.client();
  const found = await client.sessions.list({ pageSize: limit, page, ...(state === undefined ? {} : { state }) });
  output.result(found, ({ items, total }) => {
    const rows = items.map((session) => [
      session.sessionId,
      session.state,
      session.providerId,
      ago(session.createdAt, now()),
      String(session.pendingApprovals.length || ""),
      String(session.turns),
      remoteText(session.title),
    ]);
    const heads = ["SESSION", "STATE", "AGENT", "MADE", "ASKS", "TURNS", "TITLE"];
    output.table(heads, rows, "no sessions; open one with `signalbox session new`");
    if (total > page * limit) output.note(`${total} in all; more: --page ${page + 1}`);
  });
}
