import type { PublicationReport } from "@signalbox/protocol";
import type { Command } from "commander";

import type { Context } from "../context.ts";
import type { Act } from "../program.ts";
import { ago } from "../text/format.ts";
import { remoteText } from "../text/remote-text.ts";

/** `signalbox session publications`: what was to be published of a session, newest first, and what became of each. */
export function definePublications(command: Command, act: Act): void {
  command
    .argument("<session>", "its id")
    .description("list what was to be published of a session, and what became of each")
    .action(act(listPublications));
}

async function listPublications({ client, output, now }: Context, sessionId: string): Promise<void> {
  output.result(await (await client()).sessions.publications(sessionId), ({ items }) => {
    const rows = items.map((report) => [
      report.runId,
      report.state,
      ago(report.requestedAt, now()),
      remoteText(report.branch),
      outcomeOf(report),
    ]);
    const none = `nothing; \`signalbox session publish ${sessionId}\``;
    output.table(["RUN", "STATE", "ASKED", "BRANCH", "OUTCOME"], rows, none);
  });
}

/** What there is to do, what there is now, or why there is nothing. */
function outcomeOf({ state, approvalId, commit, opened, reason, message }: PublicationReport): string {
  if (state === "waiting") return `signalbox approve ${approvalId}`;
  if (state === "failed") return [reason, message && remoteText(message)].filter(Boolean).join(": ");
  return [commit?.slice(0, 12), opened && remoteText(opened.url)].filter(Boolean).join("  ");
}
