import {
  isFinal,
  PublishInputsSchema,
  PublishOutputsSchema,
  RUN_TRANSITIONS,
  type Gate,
  type Publication,
  type PublicationReport,
  type PublishInputs,
  type RunDetails,
} from "@signalbox/protocol";

/** What of a gate's steps publishes something. */
export function publishInputsIn({ content }: Gate): PublishInputs[] {
  return content.guards.flatMap(({ tool, inputs }) => {
    if (tool !== "publish") return [];
    const { data } = PublishInputsSchema.safeParse(inputs);
    return data ? [data] : [];
  });
}

/** What was asked, and where it is decided. */
export function publicationOf(
  { id: approvalId, runId, contentHash, expiresAt }: Gate,
  asked: PublishInputs,
): Publication {
  return { ...asked, runId, approvalId, contentHash, expiresAt };
}

/** What became of a publication, told by its run; undefined for a run that publishes nothing. Pure. */
export function reportOf({ run, gates, steps }: RunDetails): PublicationReport | undefined {
  // A yes that did not count any more was asked for again.
  const gate = gates.at(-1);
  const [asked] = gate ? publishInputsIn(gate) : [];
  if (!gate || !asked) return undefined;
  const { decidedAt, decidedBy } = gate;
  const { data: done } = PublishOutputsSchema.safeParse(steps.find(({ tool }) => tool === "publish")?.outputs);
  const failed = steps.find(({ status }) => status === "failed") ?? run;
  const isFailed = run.status === "failed" || run.status === "cancelled";
  return {
    ...publicationOf(gate, asked),
    state: stateOf(run.status, gate.status),
    requestedAt: gate.requestedAt,
    ...(decidedAt === undefined ? {} : { decidedAt }),
    ...(decidedBy === undefined ? {} : { decidedBy }),
    ...(run.endedAt === undefined ? {} : { endedAt: run.endedAt }),
    ...(done ? { commit: done.commit } : {}),
    ...(done?.pullRequest ? { opened: done.pullRequest } : {}),
    ...(isFailed && failed.reason !== undefined ? { reason: failed.reason } : {}),
    ...(isFailed && failed.message !== undefined ? { message: failed.message } : {}),
  };
}

function stateOf(run: RunDetails["run"]["status"], gate: Gate["status"]): PublicationReport["state"] {
  if (run === "succeeded") return "published";
  if (isFinal(RUN_TRANSITIONS, run)) return "failed";
  return gate === "approved" ? "approved" : "waiting";
}
