import { limit, type ChangesOutputs } from "@signalbox/protocol";

import { DiffError } from "../diff/diff-error.ts";
import type { TakenDiff } from "../diff/workspace-diff.ts";
import { StepError } from "../supervisor/step-error.ts";
import type { StepContext, Tool } from "./tool.ts";

/** The tool `changes`: what the run has changed so far, kept for whoever decides at a gate behind it. */
export const runChanges: Tool = async (context) => {
  if (!context.diff) return { outcome: "skipped", message: "the run has no repository, so there is no diff" };
  const { stats, snapshot } = await takeWhole(context);
  const { base, tree, diffHash, document, pack } = snapshot;
  const outputs = { base, tree, diffHash, document: document.sha256, stats, pack } satisfies ChangesOutputs;
  const what = `${stats.files} ${stats.files === 1 ? "file" : "files"} changed (+${stats.added} -${stats.removed})`;
  return { outcome: "succeeded", outputs, message: what };
};

/** The diff of the run as it is now. What cannot be shown whole is refused: nobody could decide on it. */
export async function takeWhole({ diff, signal }: StepContext): Promise<TakenDiff> {
  if (!diff) throw new DiffError("the run has no repository");
  const limited = AbortSignal.any([signal, AbortSignal.timeout(limit("diff.answerMs"))]);
  const taken = await diff.take({ pack: true, signal: limited });
  if (taken.isRedacted) throw new StepError("policy_refused", "what was changed holds a secret of the run");
  if (taken.isCut) throw new StepError("tool_failure", "what was changed is too much to be shown whole");
  return taken;
}
