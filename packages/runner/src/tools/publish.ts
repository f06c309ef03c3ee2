import { PublishInputsSchema, type PublishOutputs } from "@signalbox/protocol";

import type { Tool, ToolResult } from "./tool.ts";

/** The tool `publish`: what an agent changed becomes a commit on a branch, and a pull request. Only ever what was approved. */
export const runPublish: Tool = async (context) => {
  const { envelope, attemptId } = context.grant;
  const inputs = PublishInputsSchema.parse(envelope.inputs);
  if (envelope.approvals.length === 0)
    return { outcome: "failed", reason: "policy_refused", message: "nothing is published that nobody has approved" };
  if (!context.publisher)
    return {
      outcome: "failed",
      reason: "missing_dependency",
      message: "this machine's owner lets nothing be published from it",
    };
  const { signal } = context;
  const outputs = await context.publisher.publish(inputs, { id: attemptId, signal, say: (text) => context.say(text) });
  return published(outputs);
};

/** How a step ends that has published something. */
export function published(outputs: PublishOutputs): ToolResult {
  const { branch, commit, pullRequest } = outputs;
  const what = `${branch} is at ${commit.slice(0, 12)}`;
  return {
    outcome: "succeeded",
    outputs: { ...outputs },
    message: pullRequest === null ? what : `${what}; pull request ${pullRequest.number}: ${pullRequest.url}`,
  };
}
