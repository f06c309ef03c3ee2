import type { Session } from "@signalbox/protocol";
import type { Command } from "commander";

import type { Context } from "../context.ts";
import type { Act } from "../program.ts";
import { ago, duration } from "../text/format.ts";
import { remoteText } from "../text/remote-text.ts";
import { usageWords, budgetWords } from "../text/usage-words.ts";
import { resumedWords } from "./resumed-words.ts";

/** `signalbox session show`: how a session stands, what waits for its agent, and what it waits for. */
export function defineShow(command: Command, act: Act): void {
  command
    .argument("<session>", "its id")
    .description("show a session, what waits for its agent, and what it asks")
    .action(act(showSession));
}

async function showSession(context: Context, sessionId: string): Promise<void> {
  const session = await (await context.client()).sessions.get(sessionId);
  context.output.result(session, () => tell(context, session));
}

function tell({ output, now }: Context, session: Session): void {
  const { bold, dim } = output.colors;
  output.line(bold(remoteText(session.title)));
  for (const [name, value] of factsOf(session, now())) output.line(`${dim(name.padEnd(11))}${value}`);
  const { queue, pendingApprovals } = session;
  if (queue.length > 0) output.line("\nwaits to be said:");
  for (const { inputId, text } of queue) output.line(`  ${inputId}   ${remoteText(text)}`);
  if (pendingApprovals.length > 0) output.line("\nwaits for a decision:");
  for (const { approvalId, description } of pendingApprovals)
    output.line(`  signalbox approvals allow ${approvalId}   ${remoteText(description)}`);
}

function factsOf(session: Session, nowMs: number): [string, string][] {
  const { startedAt, endedAt, usage, budget, changes, repo } = session;
  const facts: [string, string | undefined][] = [
    ["session", session.sessionId],
    ["state", `${session.state}${session.isWorking ? ", at work" : ""}`],
    ["why", [session.reason, session.message && remoteText(session.message)].filter(Boolean).join(": ") || undefined],
    ["agent", `${session.providerId}${session.model === undefined ? "" : `, ${remoteText(session.model)}`}`],
    ["mode", session.mode],
    ["task", remoteText(session.task)],
    ["run", session.runId],
    ["machine", session.runnerId],
    ["resumed", resumedOf(session)],
    ["repository", repo && remoteText(`${repo.url}${repo.branch === undefined ? "" : ` (${repo.branch})`}`)],
    ["turns", String(session.turns)],
    ["used", usageWords(usage)],
    ["budget", budgetWords(budget)],
    ["changed", changes && `${changes.files} files, +${changes.added} -${changes.removed}`],
    ["made", `${session.createdAt} (${ago(session.createdAt, nowMs)})`],
    ["took", startedAt && endedAt ? duration(Date.parse(endedAt) - Date.parse(startedAt)) : undefined],
  ];
  return facts.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
}

/** A session that has only just begun has nothing before it. */
function resumedOf({ resumed, resumeFailure }: Session): string | undefined {
  if (resumed === undefined || (resumed === "fresh" && resumeFailure === undefined)) return undefined;
  return resumedWords({ resumed, resumeFailure });
}
