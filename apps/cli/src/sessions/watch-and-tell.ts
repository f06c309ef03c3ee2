import type { Client } from "@signalbox/client";
import type { Session, Usage } from "@signalbox/protocol";

import type { Context } from "../context.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { duration } from "../text/format.ts";
import { remoteText } from "../text/remote-text.ts";
import { followSession } from "./follow-session.ts";

/** Follows a session, says how it ended, and lets the exit code say it too. */
export async function watchAndTell(context: Context, client: Client, session: Session): Promise<void> {
  const { output } = context;
  const ended = await followSession(context, client, session);
  if (!ended) {
    output.note(`${session.sessionId} goes on; come back with \`signalbox session watch ${session.sessionId}\``);
    return context.exit(EXIT_CODES.interrupted.code);
  }
  if (output.isJson) output.document({ success: true, data: ended });
  else tellEnd(context, ended);
  context.exit(EXIT_CODES[ended.state === "COMPLETED" ? "succeeded" : "failed"].code);
}

function tellEnd({ output }: Context, session: Session): void {
  const { sessionId, state, reason, message, startedAt, endedAt, usage } = session;
  const { green, red, dim } = output.colors;
  const took = startedAt && endedAt ? ` in ${duration(Date.parse(endedAt) - Date.parse(startedAt))}` : "";
  const why = [reason, message && remoteText(message)].filter(Boolean).join(": ");
  const color = state === "COMPLETED" ? green : red;
  output.line(color(`${sessionId} ${state.toLowerCase()}${took}${why === "" ? "" : ` (${why})`}`));
  if (usage.inputTokens + usage.outputTokens > 0) output.line(dim(usageWords(usage)));
}

/** What was used, as people read it. */
export function usageWords({ inputTokens, outputTokens, cachedTokens, costUsd }: Usage): string {
  const cached = cachedTokens === undefined ? "" : ` (${cachedTokens} cached)`;
  const cost = costUsd === undefined ? "" : `, $${costUsd.toFixed(2)}`;
  return `${inputTokens} tokens in${cached}, ${outputTokens} out${cost}`;
}
