import { limit } from "@signalbox/protocol";

import { DiffError } from "../diff/diff-error.ts";
import type { TakenDiff } from "../diff/workspace-diff.ts";
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
  const { stats, snapshot, isRedacted } = await take(context);
  if (isRedacted)
    return { outcome: "failed", reason: "policy_refused", message: "what was changed holds a secret of the run" };
  const { base, tree, pack } = snapshot;
  if (stats.files === 0 || pack === null)
    return { outcome: "skipped", message: "the run changed nothing, so there is nothing to propose" };
  const message = `${[title, body.trim(), `Signalbox-Run: ${runId}`].filter((text) => text !== "").join("\n\n")}\n`;
  const pullRequest = publisher.opensPullRequests(repo.url) ? { title: title.slice(0, 200), body } : null;
  const order = { remote: repo.url, base, tree, pack, branch, message, committedAt: null, pullRequest };
  return published(await publisher.publish(order, { id: attemptId, signal, say: (text) => context.say(text) }));
}

async function take({ diff, signal }: StepContext): Promise<TakenDiff> {
  if (!diff) throw new DiffError("the run has no repository");
  return diff.take({ pack: true, signal: AbortSignal.any([signal, AbortSignal.timeout(limit("diff.answerMs"))]) });
}
