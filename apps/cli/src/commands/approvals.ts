import type { ApprovalKind, ApprovalState } from "@signalbox/protocol";
import { Option, type Command } from "commander";

import { defineAnswer } from "../approvals/answer-approval.ts";
import { showApproval } from "../approvals/show-approval.ts";
import type { Context } from "../context.ts";
import type { Act } from "../program.ts";
import { readCount } from "../read-milliseconds.ts";
import { ago, until } from "../text/format.ts";
import { remoteText } from "../text/remote-text.ts";

interface Options {
  readonly state: ApprovalState | "all";
  readonly kind?: ApprovalKind;
  readonly session?: string;
  readonly limit: number;
}

/** Those of the protocol; they stand here too so that `--help` loads nothing. */
const STATES = ["pending", "allowed", "denied", "expired", "superseded", "all"] satisfies (ApprovalState | "all")[];
const KINDS = ["permission", "question", "action", "budget", "gate"] satisfies ApprovalKind[];

/** `signalbox approvals`: what agents, budgets and runs ask for. */
export function define(command: Command, act: Act): void {
  defineList(command, act);
  defineList(command.command("list").description("list approvals, newest first"), act);
  command
    .command("show")
    .argument("<approval>", "its id")
    .description("show all that an approval lets happen, with nothing hidden")
    .action(act(show));
  defineAnswer(command.command("allow").description("say yes, to exactly what is shown"), act, "allow");
  defineAnswer(command.command("deny").description("say no"), act, "deny");
}

function defineList(command: Command, act: Act): void {
  command
    .addOption(new Option("--state <state>", "only approvals in this state").choices(STATES).default("pending"))
    .addOption(new Option("--kind <kind>", "only of this kind").choices(KINDS))
    .option("--session <session>", "only approvals of this session")
    .option("-n, --limit <count>", "how many", readCount, 50)
    .action(act(list));
}

async function list(context: Context, { state, kind, session, limit }: Options): Promise<void> {
  const { output, now } = context;
  const client = await context.client();
  const query = {
    limit,
    ...(state === "all" ? {} : { state }),
    ...(kind === undefined ? {} : { kind }),
    ...(session === undefined ? {} : { sessionId: session }),
  };
  output.result(await client.approvals.list(query), ({ items }) => {
    const rows = items.map((approval) => [
      approval.approvalId,
      approval.state,
      ago(approval.requestedAt, now()),
      approval.state === "pending" ? until(approval.expiresAt, now()) : "",
      approval.sessionId ?? approval.runId ?? "",
      approval.kind,
      remoteText(approval.action),
      remoteText(approval.description),
    ]);
    const heads = ["APPROVAL", "STATE", "ASKED", "EXPIRES", "OF", "KIND", "ACTION", "ASKS"];
    output.table(heads, rows, "nothing waits for a decision");
  });
}

async function show(context: Context, approvalId: string): Promise<void> {
  const approval = await (await context.client()).approvals.get(approvalId);
  context.output.result(approval, () => showApproval(context, approval));
}
