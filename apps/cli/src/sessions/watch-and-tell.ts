import type { Client } from "@signalbox/client";
import type { Session } from "@signalbox/protocol";

import type { Context } from "../context.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { duration } from "../text/format.ts";
import { remoteText } from "../text/remote-text.ts";
import { usageWords } from "../text/usage-words.ts";
import { exitOfSession } from "./session-exit.ts";
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
  context.exit(EXIT_CODES[exitOfSession(ended)].code);
}

function tellEnd({ output }: Context, session: Session): void {
  const { sessionId, state, reason, message, startedAt, endedAt, usage } = session;
  const { green, yellow, red, dim } = output.colors;
  const took = startedAt && endedAt ? ` in ${duration(Date.parse(endedAt) - Date.parse(startedAt))}` : "";
  const why = [reason, message && remoteText(message)].filter(Boolean).join(": ");
  const color = { succeeded: green, cancelled: yellow, failed: red }[exitOfSession(session)];
  output.line(color(`${sessionId} ${state.toLowerCase()}${took}${why === "" ? "" : ` (${why})`}`));
  const used = usageWords(usage);
  if (used !== undefined) output.line(dim(used));
}
