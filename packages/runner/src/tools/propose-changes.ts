import type { ShownChanges } from "@signalbox/protocol";

import { StepError } from "../supervisor/step-error.ts";
import { takeWhole } from "./changes.ts";
import { published } from "./publish.ts";
import type { StepContext, ToolResult } from "./tool.ts";

/** What a proposal says, and where its commit goes. */
export interface Proposal {
  readonly branch: string;
  readonly title: string;
  readonly body: string;
}

/** Pushes what the run has changed with the credential of the machine's owner, and opens the pull request: behind an approval. */
export async function proposeChanges(context: StepContext, { branch, title, body }: Proposal): Promise<ToolResult> {
  const { publisher, signal } = context;
  const { envelope, attemptId } = context.grant;
  const { repo, approvals, runId } = envelope;
  if (!publisher || !repo) throw new Error("there is nothing to propose, or nobody to do it");
  if (approvals.length === 0) {
    const message = "nothing is published that nobody has approved: a step gate:manual must stand before it";
    return { outcome: "failed", reason: "policy_refused", message };
  }
  const { base, tree, pack } = await requireShown(context);
  if (pack === null) return { outcome: "skipped", message: "the run changed nothing, so there is nothing to propose" };
  const message = `${[title, body.trim(), `Signalbox-Run: ${runId}`].filter((text) => text !== "").join("\n\n")}\n`;
  const pullRequest = publisher.opensPullRequests(repo.url) ? { title: title.slice(0, 200), body } : null;
  const order = { remote: repo.url, base, tree, pack, branch, message, committedAt: null, pullRequest };
  return published(await publisher.publish(order, { id: attemptId, signal, say: (text) => context.say(text) }));
}

/** What the gate showed, which must be what the workspace holds, and what this machine would show of it. */
export async function requireShown(context: StepContext): Promise<ShownChanges> {
  const { changes } = context.grant.envelope;
  if (!changes) {
    const message =
      "nothing is published that nobody has seen: a step with the tool changes must stand before its gate";
    throw new StepError("policy_refused", message);
  }
  const { snapshot } = await takeWhole(context);
  if (snapshot.tree === changes.tree && snapshot.diffHash === changes.diffHash && snapshot.base === changes.base)
    return changes;
  const message = `CONTENT_CHANGED: the workspace holds tree ${snapshot.tree}; what was shown and approved is ${changes.tree}`;
  throw new StepError("envelope_mismatch", message);
}
