import type { Session } from "@signalbox/protocol";

import { remoteText } from "../text/remote-text.ts";

const WAYS = {
  loaded: "the conversation was loaded",
  bootstrapped: "the agent was told what was said before",
  fresh: "the agent begins anew",
} as const satisfies Record<Exclude<Session["resumed"], undefined>, string>;

/** How an agent stands to what was said before its start, and why it is not better. Pure. */
export function resumedWords({
  resumed,
  resumeFailure,
}: {
  readonly resumed: keyof typeof WAYS;
  readonly resumeFailure: string | undefined;
}): string {
  return resumeFailure === undefined ? WAYS[resumed] : `${WAYS[resumed]} (${remoteText(resumeFailure)})`;
}
